//! `flush`: sends what hooks could not send.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use transcript::locate;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::global_args::GlobalArgs;
use crate::commands::interrupt::explain_interrupts;
use crate::commands::output::DeliverySummary;
use crate::commands::session_args;
use crate::commands::waiting::Flush;
use crate::config::Scope;
use crate::delivery::{Agreed, Extent};
use crate::state::{Cursor, Store};

const EXAMPLES: &str = "Examples:
  claude-langfuse flush          after being offline
  claude-langfuse flush --json   from a timer

Exit codes: same as 'replay'.";

/// Send what hooks could not send
///
/// Sends the rest of each session that a hook began to send, to the server where it began. 'replay' sends sessions that no
/// hook has seen.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FlushArgs {
    /// Print JSON: one object per session, and a summary
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be printed.
pub(super) fn run(args: &FlushArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    context.require_readable_config()?;
    let config = context.config(None, Scope::FilesOnly);
    context.warn(&config);
    explain_interrupts("run the command again to continue");
    let store = Store::new(&config.state_dir);
    let mut summary = DeliverySummary::new(args.json, global.quiet);
    let on_disk = transcripts(&context)?;
    for cursor in store.all_cursors() {
        let here = on_disk.get(&cursor.session_id).cloned();
        let known = Some(cursor.transcript.clone()).filter(|known| known.exists());
        match locate::newest(here.into_iter().chain(known)) {
            Some(transcript) => {
                flush_one(&mut context, &store, (&cursor, transcript), &mut summary)?;
            }
            None => store.gives_up_waiting((&cursor).into()),
        }
    }
    Ok(summary.finish("tracing is off, or the destination has changed")?)
}

/// The transcripts of all sessions by id. The folder may be mounted at another place than the hook saw.
fn transcripts(context: &DeliveryContext) -> Result<BTreeMap<String, PathBuf>> {
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let all = locate::sessions(&claude_config);
    Ok(all.map(|path| (locate::session_id(&path), path)).collect())
}

fn flush_one(
    context: &mut DeliveryContext,
    store: &Store,
    (cursor, transcript): (&Cursor, PathBuf),
    summary: &mut DeliverySummary,
) -> Result<()> {
    let config = context.config(cursor.configured_in(), Scope::FilesOnly);
    context.warn(&config);
    let destination = match Flush::of(cursor, &config) {
        Flush::Send(destination) => destination,
        Flush::Suspended(problem) => {
            let start = cursor.start_directory.as_deref();
            return Ok(summary.failure(&cursor.session_id, start, &misconfigured(problem))?);
        }
        Flush::Skip => {
            summary.skip();
            return Ok(());
        }
    };
    let session = SessionTarget {
        is_named: false,
        sends_forgotten: false,
        id: cursor.session_id.clone(),
        transcript,
        extent: Extent::Resume,
        host: None,
        start: cursor.configured_in().map(Path::to_path_buf),
        agreed: Agreed::Kept,
    };
    match context.deliver(&session, &config, destination) {
        Ok(report) => {
            if !report.has_leftover() {
                store.no_longer_waits(cursor.into());
            }
            if !report.is_empty() || report.stopped.is_some() || report.withheld > 0 {
                summary.session(&session, &report, destination)?;
            }
        }
        Err(error) => summary.failure(&session.id, session.start.as_deref(), &error)?,
    }
    Ok(())
}
