//! `verify`: compares stored observations with the transcript. A 200 only means that Langfuse queued them.

mod comparison;
mod expected;
mod fields;
mod output;
mod remote;
mod scores;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{ArgGroup, Args};
use transcript::locate;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, misconfigured, status_error};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{is_closed_pipe, print_note};
use crate::commands::remedy::failure;
use crate::commands::session_args::{self, SessionFilter, SessionSelector};
use crate::commands::session_ref;
use crate::config::{Config, Destination, Scope, in_shell};
use crate::delivery::Extent;
use crate::state::{Cursor, Store};
use comparison::Comparison;
use output::VerifySummary;
use remote::{ReadBackError, RemoteTraces};

const EXAMPLES: &str = "Examples:
  claude-langfuse verify 3f2a             one session
  claude-langfuse verify --since 7d       all sessions active in the last week
  claude-langfuse verify --all --project . --repair

Exit codes: 0 all present, 1 something missing, duplicated or different, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected.";

/// Check that Langfuse has stored all that was sent
///
/// Langfuse acknowledges before it stores. This reads the observations back, compares ids, starts, tokens, parents,
/// types, names, levels, models, tags and outputs with the transcript, and reports what is missing, duplicated or different.
/// Scores by CC_LANGFUSE_SCORES are read back too. Skipped turns are not expected.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("sessions").args(["session", "all", "since", "until", "project"]).required(true).multiple(true))]
pub(super) struct VerifyArgs {
    /// Transcript or session id prefix
    #[arg(value_name = "PATH|SESSION", value_parser = session_ref::path_parser(), conflicts_with_all = ["all", "since", "until", "project"])]
    session: Option<PathBuf>,
    /// Verify every session of all traced projects
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: SessionFilter,
    /// Send what is missing, and check again
    #[arg(long)]
    repair: bool,
    /// Seconds to wait for observations that were just sent
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
    /// Print JSON: one object per session, and a summary
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the sessions can't be found, or nothing can be printed.
pub(super) fn run(args: &VerifyArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let context = DeliveryContext::new(global.config.clone())?;
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let mut run = VerifyRun {
        context,
        args,
        servers: BTreeMap::new(),
        summary: VerifySummary::new(args.json, global.quiet),
    };
    match &args.session {
        Some(session) => {
            run.verify_one(&session_args::find_one(session, &claude_config)?, Scope::Explicit)?
        }
        None => run.verify_all(&claude_config)?,
    }
    Ok(run.summary.finish()?)
}

struct VerifyRun<'a> {
    context: DeliveryContext,
    args: &'a VerifyArgs,
    servers: BTreeMap<String, RemoteTraces>,
    summary: VerifySummary,
}

impl VerifyRun<'_> {
    fn verify_all(&mut self, claude_config: &Path) -> Result<()> {
        self.context.require_readable_config()?;
        let selector = SessionSelector::new(&self.args.filter, claude_config)?;
        let is_selected = |path: &PathBuf| selector.matches(path);
        let mut selected = locate::sessions(claude_config).filter(is_selected).peekable();
        if selected.peek().is_none() {
            print_note(&selector.none_found());
        }
        for path in selected {
            match self.verify_one(&path, Scope::FilesOnly) {
                Err(error) if !is_closed_pipe(&error) => {
                    self.summary.failed(&locate::session_id(&path), &error)?;
                }
                result => result?,
            }
        }
        Ok(())
    }

    fn verify_one(&mut self, transcript: &Path, scope: Scope) -> Result<()> {
        let (session, config) =
            session_args::open(&mut self.context, transcript, Extent::Resend, scope)?;
        let is_explicit = scope == Scope::Explicit;
        if !is_explicit && !config.enabled && config.suspended.is_none() {
            return Ok(());
        }
        let destination = match &config.destination {
            Ok(destination) => destination,
            Err(problem) => {
                return Ok(self.summary.failed(&session.id, &misconfigured(problem))?);
            }
        };
        let cursor = Store::new(&config.state_dir).cursor(&session.id, &destination.id())?;
        if !is_explicit && cursor.is_none() {
            self.summary.never_sent();
            return Ok(());
        }
        match self.compare(&session, &config, destination, cursor.as_ref()) {
            // Without a cursor another machine may have sent it, or this one before its state was lost.
            Ok(comparison) if cursor.is_none() && comparison.is_all_missing() => {
                Ok(self.summary.never_sent_by_name(&session.id, &comparison.named)?)
            }
            Ok(comparison) => {
                let link = |trace: &str| destination.trace_link(trace);
                Ok(self.summary.session(&comparison, link)?)
            }
            Err(ReadBackError::Server(reply)) => {
                let (reason, status) = failure(&reply, destination);
                Ok(self.summary.failed(&session.id, &status_error(status, reason))?)
            }
            Err(ReadBackError::Local(error)) => Err(error),
        }
    }

    fn compare(
        &mut self,
        session: &SessionTarget,
        config: &Config,
        destination: &Destination,
        cursor: Option<&Cursor>,
    ) -> Result<Comparison, ReadBackError> {
        let named = self.named(&session.id);
        let mut comparison = Comparison::of(session, &named, config, cursor)?;
        let (outline, _) = session.outline()?;
        let store = Store::new(&config.state_dir);
        let placements = store.placements(&session.id, &destination.id());
        comparison.note_placements(&outline, &placements?);
        if let Some(cursor) = cursor {
            comparison.excuse_unsent(cursor, &outline)?;
        }
        let VerifyArgs { wait, repair, .. } = *self.args;
        let wait = Duration::from_secs(wait);
        let server = self.traces_at(config, destination)?;
        let sent_at = cursor.and_then(|cursor| cursor.delivered_at);
        server.read_back(&mut comparison, sent_at, wait)?;
        if repair && comparison.has_missing() {
            server.repair(&mut comparison, session, config, wait)?;
        }
        Ok(comparison)
    }

    /// The name of the session in a help line: a given path may be outside of the folders in which ids are searched.
    fn named(&self, id: &str) -> String {
        match &self.args.session {
            Some(given) if given.is_file() => in_shell(&given.to_string_lossy()),
            _ => id.to_owned(),
        }
    }

    fn traces_at(
        &mut self,
        config: &Config,
        destination: &Destination,
    ) -> Result<&mut RemoteTraces, ReadBackError> {
        Ok(match self.servers.entry(destination.id()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let client = self.context.client(config, destination)?;
                entry.insert(RemoteTraces::new(client, config))
            }
        })
    }
}
