//! Parse, dispatch, error to exit code. Nothing else.

use std::io::IsTerminal;
use std::process::ExitCode;

use claude_langfuse::commands::{Cli, finish_usage};
use claude_langfuse::hook;

fn main() -> ExitCode {
    // A hook runs after every answer: it skips the definitions of all commands, which cost a third of a hook that has
    // nothing to do.
    let is_terminal = std::io::stdin().is_terminal();
    if !is_terminal && std::env::args_os().skip(1).eq(["hook"]) {
        hook::run(None, None);
        return ExitCode::SUCCESS;
    }
    match Cli::from_process() {
        Ok(cli) => cli.run(),
        // Claude Code takes exit code 2 of a hook for a refusal and shows it to its user: a hook runs without the
        // arguments that it doesn't understand.
        Err(error) if !is_terminal && error.use_stderr() && is_hook() => {
            hook::run(None, Some(error.to_string()));
            ExitCode::SUCCESS
        }
        Err(error) => finish_usage(&error),
    }
}

fn is_hook() -> bool {
    std::env::args_os().skip(1).any(|word| word == "hook")
}
