//! `replay`: sends sessions that are already on disk.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgGroup, Args};
use transcript::lineage::Guests;
use transcript::{locate, origin};

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::global_args::GlobalArgs;
use crate::commands::interrupt::explain_interrupts;
use crate::commands::output::{
    DeliverySummary, ProgressLine, Workload, ask_yes, can_ask, declined_text, exact_stdout,
    forgotten_text, inherited_text, plural, print_note, withheld_text,
};
use crate::commands::preview::each_request;
use crate::commands::session_args::{self, SessionFilter, SessionSelector};
use crate::commands::session_ref;
use crate::config::{Capture, Config, Scope};
use crate::delivery::Extent;
use crate::state::{SkipReason, SkippedRange};

const EXAMPLES: &str = "Examples:
  claude-langfuse replay 3f2a                            one session, by the start of its id
  claude-langfuse replay ~/.claude/projects/-home-me-app all sessions of a project
  claude-langfuse replay --all                           all traced projects
  claude-langfuse replay --all --project . --since 30d   the last month of this project
  claude-langfuse replay --dry-run 3f2a                  print what would be sent
  claude-langfuse replay 3f2a --again --capture full     with the content that was left out

Exit codes: 0 done, 1 some sessions failed, 2 wrong usage, 3 configuration missing or invalid,
4 server unreachable, 5 keys rejected, 6 content rejected.";

/// Send sessions that are already on disk
///
/// Sends every part of a session that Langfuse has not acknowledged, whatever its age. Naming a session is consent to send
/// it; --all takes only projects with TRACE_TO_LANGFUSE=true. Progress is saved after each acknowledgement: after Ctrl-C,
/// run the same command to continue. Waits when the server asks for a pause.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("sessions").args(["targets", "all"]).required(true))]
pub(super) struct ReplayArgs {
    /// Transcripts, folders of transcripts or session id prefixes
    #[arg(value_name = "PATH|SESSION", value_parser = session_ref::path_parser())]
    targets: Vec<PathBuf>,
    /// Send every session of all traced projects
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: SessionFilter,
    /// Print the requests, one per line, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Also send turns that Langfuse has acknowledged
    #[arg(long)]
    again: bool,
    /// With --again: send forgotten turns too, without a question
    #[arg(long, requires = "again", conflicts_with = "all")]
    yes: bool,
    /// Capture mode, also if a stricter one was agreed
    #[arg(long, value_enum, value_name = "MODE", conflicts_with = "all")]
    capture: Option<Capture>,
    /// Print JSON: one object per session, project and run
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a named session can't be found.
pub(super) fn run(args: &ReplayArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    context.wait_on_retry_after = true;
    context.capture = args.capture;
    context.replays_all = args.all;
    if args.all {
        context.require_readable_config()?;
    }
    if !args.dry_run {
        explain_interrupts("run the command again to continue");
    }
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let selector = SessionSelector::new(&args.filter, &claude_config)?;
    let mut summary = if args.all && !args.dry_run {
        let progress = ProgressLine::begin(global.quiet, || {
            workload(
                &context,
                locate::sessions(&claude_config).filter(|path| selector.matches(path)),
            )
        });
        DeliverySummary::per_project(args.json, global.quiet, progress)
    } else {
        DeliverySummary::new(args.json, global.quiet)
    };
    let mut is_selected = false;
    let transcripts: Box<dyn Iterator<Item = PathBuf>> = if args.all {
        Box::new(locate::sessions(&claude_config))
    } else {
        Box::new(session_args::find_all(&args.targets, &claude_config)?.into_iter())
    };
    for transcript in transcripts {
        if selector.matches_or_missing(&transcript) {
            is_selected = true;
            let Some(guests) = replay_one(&mut context, &transcript, args, &mut summary)? else {
                continue;
            };
            summary.advance(file_length(&transcript));
            // A person who names the file means all of its rows.
            for guest in guests.into_iter().filter(|_| !args.all) {
                replay_guest(&mut context, &transcript, guest, args, &mut summary)?;
            }
        }
    }
    if !is_selected {
        print_note(&selector.none_found());
    }
    if args.dry_run {
        return Ok(summary.status());
    }
    Ok(summary.finish("tracing is off")?)
}

/// The sessions of traced projects.
fn workload(context: &DeliveryContext, transcripts: impl Iterator<Item = PathBuf>) -> Workload {
    transcripts.fold(Workload::default(), |mut all, path| {
        let start = origin(&path).ok().and_then(|(start, _)| start);
        if context.config(start.as_deref(), Scope::FilesOnly).enabled {
            all.sessions += 1;
            all.bytes += file_length(&path);
        }
        all
    })
}

fn file_length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// Delivers one session. Returns the other sessions with rows in the file; `None` if the session is not to be sent.
fn replay_one(
    context: &mut DeliveryContext,
    transcript: &Path,
    args: &ReplayArgs,
    summary: &mut DeliverySummary,
) -> Result<Option<Guests>> {
    let scope = if args.all { Scope::FilesOnly } else { Scope::Explicit };
    let extent = if args.again { Extent::Resend } else { Extent::Backfill };
    let (mut session, config) = match session_args::open(context, transcript, extent, scope) {
        Ok(found) => found,
        Err(error) => {
            let id = locate::session_id(transcript);
            summary.failure(&id, None, &error)?;
            return Ok(Some(Guests::default()));
        }
    };
    if args.all && !config.enabled && config.suspended.is_none() {
        summary.skip();
        return Ok(None);
    }
    session.sends_forgotten = args.again && !args.all && sends_forgotten(&session, &config, args)?;
    replay_session(context, &session, &config, args, summary).map(Some)
}

/// Whether forgotten turns are sent again. A person deleted them, so that only a clear yes counts.
fn sends_forgotten(session: &SessionTarget, config: &Config, args: &ReplayArgs) -> Result<bool> {
    let Ok(destination) = &config.destination else {
        return Ok(false);
    };
    let cursor = session.store(config).cursor(&session.id, &destination.id())?;
    let is_forgotten = |range: &SkippedRange| range.why == SkipReason::Forgotten;
    let Some(cursor) = cursor.filter(|cursor| cursor.skipped.iter().any(is_forgotten)) else {
        return Ok(false);
    };
    if args.yes || args.dry_run || args.json || !can_ask() {
        return Ok(args.yes);
    }
    let (outline, _) = session.outline()?;
    let forgotten = outline.turns.iter().filter(|turn| cursor.forgets(turn.start)).count();
    let question =
        format!("Send {} of session {} again?", plural(forgotten, "forgotten turn"), session.id);
    ask_yes(&question, false)
}

/// Sends another session's rows in the file as that session's own, with its configuration.
fn replay_guest(
    context: &mut DeliveryContext,
    transcript: &Path,
    (id, directory): (String, Option<PathBuf>),
    args: &ReplayArgs,
    summary: &mut DeliverySummary,
) -> Result<()> {
    let (host, _) = session_args::open(context, transcript, Extent::Backfill, Scope::Explicit)?;
    let own_file = locate::projects_of(transcript)
        .and_then(|projects| locate::session_file(projects, &id))
        .and_then(|file| origin(&file).ok());
    let start = own_file.and_then(|(start, _)| start).or(directory);
    let config = context.config(start.as_deref(), Scope::Explicit);
    context.warn(&config);
    if !config.enabled {
        summary.skip();
        return Ok(());
    }
    let session = SessionTarget { id, host: Some(host.id), start, ..host };
    replay_session(context, &session, &config, args, summary).map(drop)
}

fn replay_session(
    context: &mut DeliveryContext,
    session: &SessionTarget,
    config: &Config,
    args: &ReplayArgs,
    summary: &mut DeliverySummary,
) -> Result<Guests> {
    if args.dry_run {
        return dry_run(context, session, config);
    }
    let destination = config.destination.as_ref().map_err(misconfigured);
    match destination.and_then(|to| Ok((context.deliver(session, config, to)?, to))) {
        Ok((report, destination)) => {
            summary.session(session, &report, destination)?;
            Ok(report.guests)
        }
        Err(error) => {
            summary.failure(&session.id, session.start.as_deref(), &error)?;
            Ok(Guests::default())
        }
    }
}

/// Prints one request per line.
fn dry_run(context: &DeliveryContext, session: &SessionTarget, config: &Config) -> Result<Guests> {
    let job = |destination: &str| context.delivery_job(session, config, destination);
    let mut print = |raw: &str| writeln!(exact_stdout(), "{raw}");
    let report = each_request(session, config, &job, &mut print)?;
    let notes = [
        (report.declined > 0, declined_text(report.declined)),
        (report.inherited > 0, inherited_text(report.inherited)),
        (report.withheld > 0, withheld_text(report.withheld)),
        (report.forgotten > 0, forgotten_text(report.forgotten)),
        (report.requests == 0, "nothing new".to_owned()),
    ];
    for (_, note) in notes.iter().filter(|(applies, _)| *applies) {
        print_note(&format!("{}: {note}", session.id));
    }
    Ok(report.guests)
}
