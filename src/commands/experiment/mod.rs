//! `experiment`: runs the items of a dataset again, each in a checkout of its own, and compares the results.

mod checkout;
mod claude;
mod compare;
mod diff;
mod execute;
mod item;
mod measure;
mod plan;
mod process;
mod record;
mod run;
mod schedule;
mod send;
mod show;
mod table;
mod temporary;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;

const EXAMPLES: &str = "Examples:
  claude-langfuse experiment run bugs --dry-run              what would be run, and where
  claude-langfuse experiment run bugs --instructions main --name before --check 'cargo test'
  claude-langfuse experiment run bugs --instructions new-rules --name after --check 'cargo test'
  claude-langfuse experiment compare before after

Exit codes: 0 done, 1 a run has no answer or something is not found, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected, 6 content rejected.";

/// Run items of a dataset again, and compare the results
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct ExperimentArgs {
    #[command(subcommand)]
    command: ExperimentCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum ExperimentCommand {
    Run(run::RunArgs),
    Show(show::ShowArgs),
    Compare(compare::CompareArgs),
}

/// Runs the command.
///
/// # Errors
/// When the dataset, the repository or Claude Code can't be used, or nothing can be printed.
pub(super) fn run(args: &ExperimentArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    match &args.command {
        ExperimentCommand::Run(args) => run::run(args, global),
        ExperimentCommand::Show(args) => show::run(args, global),
        ExperimentCommand::Compare(args) => compare::run(args, global),
    }
}
