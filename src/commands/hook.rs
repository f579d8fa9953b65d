//! `hook`: the arguments of the hook, which runs in `crate::hook`.

use std::io::IsTerminal;

use clap::Args;

use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::print_error;
use crate::hook;

const EXAMPLES: &str = r#"Settings:
  {"hooks": {
    "Stop": [{"hooks": [
      {"type": "command", "command": "claude-langfuse hook"}]}],
    "SessionEnd": [{"hooks": [
      {"type": "command", "command": "claude-langfuse hook", "timeout": 10}]}]}}"#;

/// Handle one hook event (called by Claude Code)
///
/// Reads one JSON event from standard input and sends the new part of its session. Register it for Stop and SessionEnd in
/// Claude Code's settings.json. Prints nothing and always exits with 0; writes to langfuse_hook.log in the state folder
/// (~/.claude/state).
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HookArgs {}

pub(super) fn run(global: &GlobalArgs) -> ExitStatus {
    if std::io::stdin().is_terminal() {
        print_error(
            "Claude Code calls 'hook', with an event on standard input; there is nothing to type here",
        );
        print_error(
            "help: 'claude-langfuse doctor' checks that it is called, 'claude-langfuse flush' sends what waits",
        );
        return ExitStatus::Done;
    }
    hook::run(global.config.clone(), None);
    ExitStatus::Done
}
