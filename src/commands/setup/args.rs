//! The arguments of `setup`: a flag for every question.

use std::path::PathBuf;

use clap::Args;

use crate::commands::regions::Region;
use crate::config::Capture;

const EXAMPLES: &str = "Examples:
  claude-langfuse setup             ask everything
  claude-langfuse setup --dry-run   show what would be written, and write nothing
  claude-langfuse setup --non-interactive --region us --public-key pk-lf-… \\
      --secret-key-file ~/.secrets/langfuse --project ~/code/app

Exit codes: 0 done, 1 something failed, 2 wrong usage, 3 configuration missing or invalid,
4 server unreachable, 5 keys rejected.";

/// Set up keys, projects and the hook
///
/// Asks for region, keys, projects and the content to send, tries the keys, shows what will be written, and writes
/// config.json, a key file and the hook in Claude Code's settings. Ctrl-C at any question leaves everything as it was. Where
/// home-manager writes these files, prints the options to set instead.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::commands) struct SetupArgs {
    /// Region of Langfuse Cloud
    #[arg(long, value_enum, conflicts_with = "base_url")]
    pub(super) region: Option<Region>,
    /// Base URL of your own Langfuse
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Public key (pk-lf-…)
    #[arg(long, value_name = "KEY")]
    pub(super) public_key: Option<String>,
    /// File that holds the secret key (- = standard input)
    #[arg(long, value_name = "FILE")]
    pub(super) secret_key_file: Option<PathBuf>,
    /// Try rejected keys at the other regions of Langfuse Cloud
    #[arg(long)]
    pub(super) try_regions: bool,
    /// Keep the keys even if they can't be tried
    #[arg(long)]
    pub(super) no_test: bool,
    /// Project to trace (can be repeated)
    #[arg(long, value_name = "DIR", conflicts_with = "all_projects")]
    pub(super) project: Vec<PathBuf>,
    /// Trace all projects, also future ones
    #[arg(long)]
    pub(super) all_projects: bool,
    /// Content to send
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) capture: Option<Capture>,
    /// Leave Claude Code's settings alone
    #[arg(long)]
    pub(super) no_hook: bool,
    /// Send the newest session of these projects
    #[arg(long, conflicts_with = "no_send_newest")]
    pub(super) send_newest: bool,
    /// Send no session now
    #[arg(long)]
    pub(super) no_send_newest: bool,
    /// Write without a last question
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Ask nothing; flags and defaults are the answers
    #[arg(long)]
    pub(super) non_interactive: bool,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print one JSON object
    #[arg(long, requires = "non_interactive", conflicts_with = "dry_run")]
    pub(super) json: bool,
}
