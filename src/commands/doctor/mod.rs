//! `doctor`: checks everything between a turn and Langfuse, and names a remedy for each problem.

pub(super) mod claude_code;
mod connection;
pub(super) mod hooks;
mod prices;
mod regions;
mod server;
mod state;
mod test_trace;
mod transcripts;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::commands::config;
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::newest_first::NewestFirst;
use crate::commands::output::CheckReport;
use crate::commands::start_directory::start_directory;
use crate::config::{Config, Scope};
use transcript::locate;

const EXAMPLES: &str = "Examples:
  claude-langfuse doctor                        when nothing arrives, or for a bug report
  claude-langfuse doctor --project ~/code/app   sessions of another project
  claude-langfuse doctor --send-test            send a test trace and read it back

Exit codes: 0 no problem, 1 a check failed, 3 configuration missing or invalid, 4 server unreachable,
5 keys rejected.";

/// Find problems and say how to fix them
///
/// Checks the configuration, the state folder, the connection to Langfuse and its keys, the hooks in Claude Code's
/// settings, and the newest transcript. The output can be pasted: it has no secrets, and ~ for the home folder.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DoctorArgs {
    /// Directory of the sessions [default: current directory]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Skip network checks
    #[arg(long)]
    offline: bool,
    /// Send a small trace and read it back
    #[arg(long, conflicts_with = "offline")]
    send_test: bool,
    /// Try rejected keys at all Langfuse Cloud regions
    #[arg(long, conflicts_with = "offline")]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Inputs of all checks.
struct DoctorContext<'a> {
    args: &'a DoctorArgs,
    delivery: DeliveryContext,
    /// Start directory of the sessions.
    start: PathBuf,
    config: Config,
    /// The transcripts with the latest activity, the newest first.
    newest: Vec<PathBuf>,
}

/// Number of sessions whose transcripts are checked.
const NEWEST_SESSIONS: usize = 5;

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or nothing can be printed.
pub(super) fn run(args: &DoctorArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let start = start_directory(args.project.as_deref())?;
    let delivery = DeliveryContext::new(global.config.clone())?;
    let config = delivery.config(Some(&start), Scope::Explicit);
    let claude_config = delivery.env.claude_config_dir();
    let context = DoctorContext {
        args,
        newest: claude_config
            .map(|folder| NewestFirst::new(locate::sessions(&folder)).take(NEWEST_SESSIONS))
            .into_iter()
            .flatten()
            .collect(),
        delivery,
        start,
        config,
    };
    let mut report = CheckReport::default();
    let status = run_checks(&context, &mut report);
    report.print(args.json, &context.delivery.env)?;
    // A check may have set a more specific status.
    Ok(status.max(report.status(ExitStatus::Failed)))
}

fn run_checks(context: &DoctorContext<'_>, report: &mut CheckReport) -> ExitStatus {
    report.ok(
        "program",
        format!(
            "claude-langfuse {} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
    );
    config::check(
        report,
        &context.delivery.env,
        &context.delivery.files,
        &context.start,
        &context.config,
    );
    let mut status = report.status(ExitStatus::Misconfigured);
    state::check(context, report);
    if !context.args.offline {
        status = status.max(connection::check(context, report));
    }
    hooks::check(context, report);
    claude_code::check(context, report);
    transcripts::check(context, report);
    status
}
