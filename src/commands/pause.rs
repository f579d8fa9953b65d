//! `pause` and `resume`: turns that begin during a pause are skipped.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;
use clap::Args;

use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{for_people, stdout};
use crate::commands::start_directory::start_directory;
use crate::config::Scope;
use crate::state::Store;

const EXAMPLES: &str = "Examples:
  claude-langfuse pause                 all projects
  claude-langfuse pause --project .     this project
  claude-langfuse resume                end every pause";

/// Stop sending until 'resume'
///
/// Turns that begin during the pause are skipped, also by later hooks and by 'flush'. An explicit 'replay' sends them.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PauseArgs {
    /// Pause only sessions started in or below this directory
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
}

/// End a pause
///
/// Sends turns again from the next prompt on. Turns of the pause stay skipped; an explicit 'replay' sends them.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResumeArgs {
    /// End only the pause of this directory
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
}

/// Runs `pause`.
///
/// # Errors
/// When the project is not a directory, or the pause can't be saved.
pub(super) fn pause(args: &PauseArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let (store, project) = open_store(args.project.as_deref(), global)?;
    let mut pauses = store.pauses();
    let is_new = pauses.begin(project.clone(), Timestamp::now());
    store.save_pauses(&pauses)?;
    let scope = scope_text(project.as_deref());
    let mut out = stdout();
    if is_new {
        writeln!(
            out,
            "{scope} is paused: turns that begin before 'claude-langfuse resume' are skipped"
        )?;
        writeln!(out, "'claude-langfuse replay' sends skipped turns")?;
    } else {
        writeln!(out, "{scope} was already paused")?;
    }
    Ok(ExitStatus::Done)
}

/// Runs `resume`.
///
/// # Errors
/// When the project is not a directory, or the end of the pause can't be saved.
pub(super) fn resume(args: &ResumeArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let (store, project) = open_store(args.project.as_deref(), global)?;
    let mut pauses = store.pauses();
    let ended = pauses.end(project.as_deref(), Timestamp::now());
    store.save_pauses(&pauses)?;
    let mut out = stdout();
    let scope = scope_text(project.as_deref());
    match (ended, &project) {
        (0, None) => writeln!(out, "nothing was paused")?,
        (0, Some(_)) => writeln!(out, "{scope} was not paused")?,
        _ => writeln!(out, "{scope} is no longer paused, from the next prompt on")?,
    }
    for left in pauses.lasting() {
        writeln!(out, "still paused: {}", scope_text(left))?;
    }
    Ok(ExitStatus::Done)
}

fn open_store(project: Option<&Path>, global: &GlobalArgs) -> Result<(Store, Option<PathBuf>)> {
    let project = project.map(|project| start_directory(Some(project))).transpose()?;
    let config =
        DeliveryContext::new(global.config.clone())?.config(project.as_deref(), Scope::Explicit);
    Ok((Store::new(&config.state_dir), project))
}

fn scope_text(project: Option<&Path>) -> String {
    let path = project.map(|project| for_people(&project.display().to_string()));
    path.unwrap_or_else(|| "everything".to_owned())
}
