//! `config`: which values count in a directory, and where each was set; `config check`: what is wrong with them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::env::start_directory;
use super::post::Post;
use super::report::{Report, Verdict, tilde};
use super::{Outcome, told};
use crate::cli::{self, ConfigCommand, Global};
use crate::config::{
    Config, DestinationProblem, Env, Files, Layer, Scope, Setting, unknown_variables,
};
use crate::privacy::invalid_patterns;

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or nothing can be printed.
pub fn run(arguments: &cli::Config, global: &Global) -> Result<Outcome> {
    told(arguments.json, || tell(arguments, global))
}

fn tell(arguments: &cli::Config, global: &Global) -> Result<Outcome> {
    let start = start_directory(arguments.project.as_deref())?;
    let post = Post::new(global.config.clone())?;
    let config = post.config(Some(&start), Scope::Explicit);
    let home = post.env.home();
    match arguments.command {
        Some(ConfigCommand::Check) => {
            let mut report = Report::default();
            check(&mut report, &post.env, &post.files, &start, &config);
            match arguments.json {
                true => report.print_json(home)?,
                false => report.print(&post.env)?,
            }
            Ok(match report.verdict() {
                Verdict::Fail => Outcome::Misconfigured,
                Verdict::Ok | Verdict::Warn => Outcome::Done,
            })
        }
        None => {
            match arguments.json {
                true => print_json(&post.env, &start, &config)?,
                false => print(&post.env, &start, &config)?,
            }
            Ok(match config.suspended {
                Some(_) => Outcome::Misconfigured,
                None => Outcome::Done,
            })
        }
    }
}

/// The values by where they were set, the strongest place first.
fn print(env: &Env, start: &Path, config: &Config) -> Result<()> {
    let home = env.home();
    let mut out = std::io::stdout().lock();
    writeln!(out, "for sessions started in {}", tilde(home, &start.display().to_string()))?;
    if let Some(problem) = &config.suspended {
        writeln!(out, "\nsuspended: {}", tilde(home, &problem.cause()))?;
        writeln!(out, "help: {}", tilde(home, &problem.remedy))?;
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
        writeln!(out, "\n{} ({})", tilde(home, place), layer.name())?;
        for setting in &config.sources {
            if (setting.source.layer, setting.source.place.as_str()) == (layer, place) {
                writeln!(out, "  {}", line(setting, home))?;
            }
        }
    }
    writeln!(out, "\ndefaults")?;
    let by_default = || config.sources.iter().filter(|setting| !set(setting));
    for setting in by_default().filter(|setting| !setting.shown.is_empty()) {
        writeln!(out, "  {}", line(setting, home))?;
    }
    writeln!(out, "\nnot set")?;
    for setting in by_default().filter(|setting| setting.shown.is_empty()) {
        writeln!(out, "  {}", setting.variable.name)?;
    }
    Ok(())
}

fn line(setting: &Setting, home: Option<&Path>) -> String {
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
    tilde(home, &line)
}

fn print_json(env: &Env, start: &Path, config: &Config) -> Result<()> {
    let variables: Vec<Value> = config.sources.iter().map(|setting| json!({
        "name": setting.variable.name,
        "value": Some(&setting.shown).filter(|shown| !shown.is_empty()),
        "layer": setting.source.layer.name(),
        "place": Some(&setting.source.place).filter(|_| setting.source.layer != Layer::Default),
        "spelling": Some(setting.source.name).filter(|_| setting.source.layer != Layer::Default),
        "file": setting.file,
    })).collect();
    let config_file: Option<PathBuf> = env.config_file();
    let all = json!({
        "schema": 1,
        "start_directory": start,
        "config_file": config_file,
        "enabled": config.enabled,
        "suspended": config.suspended.as_ref().map(|problem| json!({
            "message": problem.cause(),
            "help": problem.remedy,
        })),
        "variables": variables,
    });
    Ok(super::print_json(&all)?)
}

/// What is wrong with the configuration of sessions that are started in `start`.
pub(super) fn check(report: &mut Report, env: &Env, files: &Files, start: &Path, config: &Config) {
    for problem in &config.problems {
        report.fail("config", problem.cause(), &problem.remedy);
    }
    for problem in &config.warnings {
        report.warn("config", problem.cause(), &problem.remedy);
    }
    for problem in unknown_variables(env, files, Some(start)) {
        report.warn("config", problem.cause(), problem.remedy);
    }
    if config.suspended.is_some() {
        // No more is known: consent and keys may be in what can't be read.
        return report.warn(
            "consent",
            format!("tracing is suspended in {}", start.display()),
            "correct the configuration; the next hook of each session sends its turns since then",
        );
    }
    if let Some(wish) = invalid_patterns(config) {
        report.fail("mask", wish, "mend the pattern, or remove it");
    }
    let traced = files.traced_projects(env);
    consent(report, start, config, &traced);
    keys(report, config, &traced);
}

fn consent(report: &mut Report, start: &Path, config: &Config, traced: &[PathBuf]) {
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
                format!("tracing is off in {start}: nothing sets TRACE_TO_LANGFUSE"),
                help,
            );
        }
    }
}

fn keys(report: &mut Report, config: &Config, traced: &[PathBuf]) {
    match &config.destination {
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
                "there are none for this project",
                "none are needed while it is not traced",
            );
        }
        Err(problem) => report.fail("keys", problem.what(), problem.remedy()),
    }
}
