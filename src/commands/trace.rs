//! `trace on` and `trace off`: consent for one project, in config.json.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::claude_settings::survey;
use crate::commands::config_edit::{ConfigEdit, NewValue};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{print_json, shorten_home, stdout};
use crate::commands::start_directory::start_directory;
use crate::config::{Config, DestinationProblem, Files, Scope, resolve, root_of};

const EXAMPLES: &str = "Examples:
  claude-langfuse trace on               this repository
  claude-langfuse trace off ~/code/app   another project

Exit codes: 0 done, 1 not written or without effect, 2 wrong usage, 3 configuration missing or invalid.";

/// Turn tracing of a project on or off
///
/// Sets TRACE_TO_LANGFUSE for the project in config.json, and keeps the rest of the file as it is. It counts for sessions
/// that start in or below the directory, from their next turn on. 'pause' stops sending for a while.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TraceArgs {
    /// On or off
    #[arg(value_enum, value_name = "on|off", hide_possible_values = true)]
    switch: Switch,
    /// Directory of the project [default: current repository]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Print what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or the file can't be written.
pub(super) fn run(args: &TraceArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let env = &context.env;
    let project = match &args.directory {
        Some(directory) => start_directory(Some(directory))?,
        // People mean the repository around the current directory.
        None => root_of(&start_directory(None)?),
    };
    let is_on = args.switch == Switch::On;
    let value = NewValue {
        project: Some(project.clone()),
        name: "TRACE_TO_LANGFUSE",
        value: is_on.to_string(),
    };
    let edit = ConfigEdit::plan(env, vec![value])?;
    if let Some(status) = edit.apply_or_show(env, args.dry_run)? {
        return Ok(status);
    }
    let config = resolve(env, &Files::new(), Some(&project), Scope::Explicit);
    let is_effective = config.enabled == is_on;
    if args.json {
        let object = json!({
            "file": edit.path().to_string_lossy(), "project": project.to_string_lossy(), "state": on_off(config.enabled),
            "changed": edit.is_change(),
        });
        print_json("settings", object)?;
    } else {
        let text = format!(
            "tracing is {} in {} and below: {}",
            on_off(config.enabled),
            project.display(),
            edit.path().display()
        );
        writeln!(stdout(), "{}", shorten_home(env.home(), &text))?;
    }
    if !is_effective {
        log::warn!("{}", winner(&config));
        return Ok(ExitStatus::Failed);
    }
    if is_on {
        suggest_next(&context, &config, &project);
    }
    Ok(ExitStatus::Done)
}

fn on_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

/// Why the switch has no effect.
fn winner(config: &Config) -> String {
    match (&config.suspended, config.setting("TRACE_TO_LANGFUSE")) {
        (Some(problem), _) => problem.to_string(),
        (None, Some(setting)) => format!("{} wins over config.json", setting.source),
        (None, None) => "another setting wins over config.json".to_owned(),
    }
}

/// The next step to the first trace.
fn suggest_next(context: &DeliveryContext, config: &Config, project: &Path) {
    if let Err(DestinationProblem::Missing { .. }) = config.destination {
        log::warn!("there are no Langfuse keys yet. Run: claude-langfuse setup");
        return;
    }
    let surveyed = survey(&context.env, &context.files, Some(project));
    let is_registered =
        surveyed.iter().any(|one| one.hooks.as_ref().is_ok_and(|hooks| !hooks.ours.is_empty()));
    if !is_registered {
        log::warn!("Claude Code does not call this program yet. Run: claude-langfuse install");
    }
}
