//! `completions`: made from the definitions of the command line, so that they never offer what is not there.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;

use crate::commands::Outcome;
use crate::commands::cli::{Cli, Completions};

/// Runs the command.
///
/// # Errors
/// When nothing can be printed.
pub fn run(arguments: &Completions) -> Result<Outcome> {
    let mut script = Vec::new();
    // Not straight to standard output: clap_complete panics when that is closed.
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "claude-langfuse",
        &mut script,
    );
    std::io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Done)
}
