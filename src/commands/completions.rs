//! `completions`: made from the definitions of the command line, so that they never offer what is not there.

use std::io::Write;

use crate::commands::exit_status::ExitStatus;
use anyhow::Result;
use clap::{Args, Command};

const EXAMPLES: &str = "Examples:
  claude-langfuse completions bash > ~/.local/share/bash-completion/completions/claude-langfuse
  claude-langfuse completions zsh > ~/.zfunc/_claude-langfuse
  claude-langfuse completions fish > ~/.config/fish/completions/claude-langfuse.fish";

/// Generate shell completions
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// Shell
    shell: clap_complete::Shell,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be printed.
pub(super) fn run(args: &CompletionsArgs, mut command: Command) -> Result<ExitStatus> {
    let mut script = Vec::new();
    // Not straight to standard output: clap_complete panics when that is closed.
    clap_complete::generate(args.shell, &mut command, "claude-langfuse", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(ExitStatus::Done)
}
