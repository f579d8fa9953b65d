//! Options of every command.

use std::path::PathBuf;

use clap::{ArgAction, Args};

#[derive(Clone, Debug, Default, Args)]
pub(super) struct GlobalArgs {
    /// Configuration file [default: ~/.config/claude-langfuse/config.json]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print more details on standard error (can be repeated)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}
