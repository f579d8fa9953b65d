//! `config`: the effective values for a directory, and where each is set; `config check`: their problems.

use std::collections::BTreeSet;
use std::io::Write;
use std::iter;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::claude_settings::{other_exporters, survey};
use crate::commands::config_set::{self, SetArgs};
use crate::commands::config_values;
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::doctor::hooks::sends_too;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{CheckReport, print_json, shorten_home, stdout};
use crate::commands::start_directory::start_directory;
use crate::config::{
    Config, DestinationProblem, Env, Files, Layer, Scope, Setting, resolve, unknown_variables,
};
use crate::privacy::invalid_patterns;

const EXAMPLES: &str = "Examples:
  claude-langfuse config                        for sessions started here
  claude-langfuse config --project ~/code/app   for sessions of another project
  claude-langfuse config check                  list problems; exit code 3 if there are any
  claude-langfuse config check --file-only      the same for the configuration file alone
  claude-langfuse config set KEY VALUE          set a variable in config.json";

/// Show the effective settings and where each is set
///
/// Secrets are shown by their last four characters. 'config check' lists problems: invalid values, missing keys, unknown
/// variables.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: Option<ConfigCommand>,
    /// Directory of the sessions [default: current directory]
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum ConfigCommand {
    /// List problems of the configuration and how to fix them
    Check(CheckArgs),
    Set(SetArgs),
}

#[derive(Clone, Copy, Debug, Args)]
struct CheckArgs {
    /// Check the configuration file alone, with all its projects
    #[arg(long, conflicts_with = "project")]
    file_only: bool,
}

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or nothing can be printed.
pub(super) fn run(args: &ConfigArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    if let Some(ConfigCommand::Set(set)) = &args.command {
        return config_set::run(set, args.project.as_deref(), args.json, global);
    }
    if let Some(ConfigCommand::Check(CheckArgs { file_only: true })) = args.command {
        let env = Env {
            home: std::env::home_dir(),
            config_override: global.config.clone(),
            ..Env::default()
        };
        let mut report = CheckReport::default();
        check_file(&mut report, &env);
        report.print(args.json, &env)?;
        return Ok(report.status(ExitStatus::Misconfigured));
    }
    let start = start_directory(args.project.as_deref())?;
    let context = DeliveryContext::new(global.config.clone())?;
    let config = context.config(Some(&start), Scope::Explicit);
    match args.command {
        Some(ConfigCommand::Check(_)) => {
            let mut report = CheckReport::default();
            check(&mut report, &context.env, &context.files, &start, &config);
            check_other_exporters(&mut report, &context, &start, &config);
            report.print(args.json, &context.env)?;
            Ok(report.status(ExitStatus::Misconfigured))
        }
        _ => {
            let print = if args.json { print_values_json } else { print_values };
            print(&context.env, &start, &config)?;
            let is_suspended = config.suspended.is_some();
            Ok(if is_suspended { ExitStatus::Misconfigured } else { ExitStatus::Done })
        }
    }
}

/// Prints the values by source, strongest first.
fn print_values(env: &Env, start: &Path, config: &Config) -> Result<()> {
    let home = env.home();
    let mut out = stdout();
    writeln!(out, "for sessions started in {}", shorten_home(home, &start.display().to_string()))?;
    if let Some(problem) = &config.suspended {
        writeln!(out, "\nsuspended: {}", shorten_home(home, &problem.cause()))?;
        writeln!(out, "help: {}", shorten_home(home, &problem.remedy))?;
    }
    let mut places: Vec<(Layer, &str)> = Vec::new();
    let set = |setting: &&Setting| setting.source.layer != Layer::Default;
    for setting in config.sources.iter().filter(set) {
        let place = (setting.source.layer, setting.source.place.as_str());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let layers = [Layer::Session, Layer::Project, Layer::File];
    let of = |layer| places.iter().filter(move |(one, _)| *one == layer);
    for (layer, place) in layers.into_iter().flat_map(of).copied() {
        writeln!(out, "\n{} ({})", shorten_home(home, place), layer.name())?;
        for setting in &config.sources {
            if (setting.source.layer, setting.source.place.as_str()) == (layer, place) {
                writeln!(out, "  {}", setting_text(setting, home))?;
            }
        }
    }
    writeln!(out, "\ndefaults")?;
    let by_default = || config.sources.iter().filter(|setting| !set(setting));
    for setting in by_default().filter(|setting| !setting.shown.is_empty()) {
        writeln!(out, "  {}", setting_text(setting, home))?;
    }
    writeln!(out, "\nnot set")?;
    for setting in by_default().filter(|setting| setting.shown.is_empty()) {
        writeln!(out, "  {}", setting.variable.name)?;
    }
    Ok(())
}

fn setting_text(setting: &Setting, home: Option<&Path>) -> String {
    let Setting { variable, shown, source, file } = setting;
    let name = match source.layer {
        Layer::Default => variable.name,
        _ => source.name,
    };
    let line = match file {
        Some(file) if shown.is_empty() => format!("{name}: not read (file {})", file.display()),
        Some(file) => format!("{name}={shown} (file {})", file.display()),
        None => format!("{name}={shown}"),
    };
    shorten_home(home, &line)
}

fn print_values_json(env: &Env, start: &Path, config: &Config) -> Result<()> {
    let variables: Vec<Value> = config.sources.iter().map(|setting| json!({
        "name": setting.variable.name,
        "value": Some(&setting.shown).filter(|shown| !shown.is_empty()),
        "source": setting.source.layer.name(),
        "place": Some(&setting.source.place).filter(|_| setting.source.layer != Layer::Default),
        "set_as": Some(setting.source.name).filter(|_| setting.source.layer != Layer::Default),
        "file": setting.file.as_deref().map(Path::to_string_lossy),
    })).collect();
    let config_file: Option<PathBuf> = env.config_file();
    let all = json!({
        "start_directory": start.to_string_lossy(),
        "config_file": config_file.as_deref().map(Path::to_string_lossy),
        "enabled": config.enabled,
        "suspended": config.suspended.as_ref().map(|problem| json!({
            "message": problem.cause(),
            "help": problem.remedy,
        })),
        "variables": variables,
    });
    Ok(print_json("config", all)?)
}

/// Checks the configuration of sessions that start in `start`.
pub(super) fn check(
    report: &mut CheckReport,
    env: &Env,
    files: &Files,
    start: &Path,
    config: &Config,
) {
    for problem in &config.problems {
        report.fail("config", problem.cause(), &problem.remedy);
    }
    for problem in config.warnings.iter().chain(&config.ignored) {
        report.warn("config", problem.cause(), &problem.remedy);
    }
    for problem in unknown_variables(env, files, Some(start)) {
        report.warn("config", problem.cause(), problem.remedy);
    }
    if config.suspended.is_some() {
        // The unreadable part may hold consent and keys.
        return report.warn(
            "consent",
            format!("tracing is suspended in {}", start.display()),
            "fix the configuration; the next hook of each session sends its turns since then",
        );
    }
    if let Some(problem) = invalid_patterns(config) {
        report.fail("mask", problem, "fix or remove the pattern");
    }
    config_values::check(report, env, files, config);
    let traced = files.traced_projects(env);
    check_consent(report, start, config, &traced);
    check_keys(report, config, &traced);
}

/// Warns about other exporters of sessions that start in `start`.
fn check_other_exporters(
    report: &mut CheckReport,
    context: &DeliveryContext,
    start: &Path,
    config: &Config,
) {
    let DeliveryContext { env, files, .. } = context;
    let surveyed = survey(env, files, Some(start));
    let destination = config.destination.as_ref().ok();
    for one in other_exporters(env, files, Some(start), &surveyed, destination) {
        report.warn("recorded twice", sends_too(&one), one.remedy);
    }
}

/// Checks the configuration file alone: nothing else counts, and no key file is read. The Nix module runs this
/// without the home and its secrets.
fn check_file(report: &mut CheckReport, env: &Env) {
    let files = Files::new();
    let projects = files.projects(env);
    let mut found = BTreeSet::new();
    for start in iter::once(None).chain(projects.iter().map(|path| Some(path.as_path()))) {
        let config = resolve(env, &files, start, Scope::Explicit);
        let problems = config.problems.iter().chain(&config.suspended);
        found.extend(problems.map(|problem| (problem.cause(), problem.remedy.clone())));
        if let Some(problem) = invalid_patterns(&config) {
            found.insert((problem, "fix or remove the pattern".to_owned()));
        }
        match &config.destination {
            Ok(_)
            | Err(
                DestinationProblem::Missing { .. }
                | DestinationProblem::UnreadableKeyFile { .. }
                | DestinationProblem::Suspended(_),
            ) => {}
            Err(problem) => {
                found.insert((problem.what(), problem.remedy()));
            }
        }
    }
    let place = env.config_file().unwrap_or_default();
    if found.is_empty() {
        report.ok("config", format!("{}: no problems", place.display()));
    }
    for (cause, help) in found {
        report.fail("config", cause, help);
    }
}

fn check_consent(report: &mut CheckReport, start: &Path, config: &Config, traced: &[PathBuf]) {
    let start = start.display();
    let source = config.setting("TRACE_TO_LANGFUSE").map(|setting| &setting.source);
    match source {
        Some(source) if config.enabled => {
            report.ok("consent", format!("tracing is on in {start}: {source}"))
        }
        Some(source) if source.layer != Layer::Default => {
            report.warn(
                "consent",
                format!("tracing is off in {start}: {source}"),
                "set it to true there to trace these sessions",
            );
        }
        _ => {
            let help = match traced.first() {
                Some(project) => format!(
                    "it is on in {}: name it with --project, or set TRACE_TO_LANGFUSE to true for {start} too",
                    project.display()
                ),
                None => "set TRACE_TO_LANGFUSE to true for this project".to_owned(),
            };
            report.warn(
                "consent",
                format!("tracing is off in {start}: TRACE_TO_LANGFUSE is not set"),
                help,
            );
        }
    }
}

fn check_keys(report: &mut CheckReport, config: &Config, traced: &[PathBuf]) {
    match &config.destination {
        Ok(destination) if is_path(destination.secret_key.expose()) => report.fail(
            "keys",
            format!("{} is a path, not a key", destination.secret_key_source),
            "use LANGFUSE_SECRET_KEY_FILE for the path of a file that holds the key",
        ),
        Ok(destination) => report.ok(
            "keys",
            format!(
                "{} at {} ({})",
                destination.public_key, destination.base_url, destination.keys_source
            ),
        ),
        Err(DestinationProblem::Missing { .. }) if !config.enabled && !traced.is_empty() => {
            report.warn(
                "keys",
                "not set for this project",
                "no action needed while the project is not traced",
            );
        }
        Err(problem) => report.fail("keys", problem.what(), problem.remedy()),
    }
}

/// No key begins like this.
fn is_path(key: &str) -> bool {
    ["/", "~/", "./", "$"].iter().any(|start| key.starts_with(start))
}
