//! `hook`: the arguments of the hook, which runs in `crate::hook`.

use clap::Args;

use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
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
    hook::run(global.config.clone(), None);
    ExitStatus::Done
}
