//! `pause` and `resume`: nothing is sent for a while, nor later by itself what was opened in it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::Timestamp;

use crate::commands::Outcome;
use crate::commands::cli::{Global, Pause};
use crate::commands::delivery_context::Post;
use crate::commands::start_directory::start_directory;
use crate::config::Scope;
use crate::state::Store;

/// Runs `pause`.
///
/// # Errors
/// When the project is no directory, or the pause can't be kept.
pub fn pause(arguments: &Pause, global: &Global) -> Result<Outcome> {
    let (store, project) = prepare(arguments, global)?;
    let mut pauses = store.pauses();
    let begun = pauses.begin(project.clone(), Timestamp::now());
    store.save_pauses(&pauses)?;
    let what = what(project.as_deref());
    let mut out = std::io::stdout().lock();
    if begun {
        writeln!(
            out,
            "{what} is paused: turns that are opened until 'claude-langfuse resume' are not sent"
        )?;
        writeln!(
            out,
            "'claude-langfuse replay' sends them if you want them after all"
        )?;
    } else {
        writeln!(out, "{what} was paused already")?;
    }
    Ok(Outcome::Done)
}

/// Runs `resume`.
///
/// # Errors
/// When the project is no directory, or the end of the pause can't be kept.
pub fn resume(arguments: &Pause, global: &Global) -> Result<Outcome> {
    let (store, project) = prepare(arguments, global)?;
    let mut pauses = store.pauses();
    let ended = pauses.end(project.as_deref(), Timestamp::now());
    store.save_pauses(&pauses)?;
    let mut out = std::io::stdout().lock();
    let what = what(project.as_deref());
    match (ended, &project) {
        (0, None) => writeln!(out, "nothing was paused")?,
        (0, Some(_)) => writeln!(out, "{what} was not paused")?,
        _ => writeln!(out, "{what} is no longer paused, from the next prompt on")?,
    }
    for left in pauses.lasting() {
        writeln!(out, "still paused: {}", self::what(left))?;
    }
    Ok(Outcome::Done)
}

fn prepare(arguments: &Pause, global: &Global) -> Result<(Store, Option<PathBuf>)> {
    let project = match &arguments.project {
        Some(project) => Some(start_directory(Some(project))?),
        None => None,
    };
    let config = Post::new(global.config.clone())?.config(project.as_deref(), Scope::Explicit);
    Ok((Store::new(&config.state_dir), project))
}

fn what(project: Option<&Path>) -> String {
    project.map_or_else(
        || "everything".to_owned(),
        |project| project.display().to_string(),
    )
}
