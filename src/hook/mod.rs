//! Handles one hook event: from standard input to Langfuse, within a budget, without disturbing the user.

mod configuration;
pub mod event;
mod notice;
mod quiet;
mod waiting_sessions;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base::Timestamp;
use transcript::locate;

use crate::config::{Config, Destination, DestinationProblem, Env, Files};
use crate::delivery::{
    Extent, HttpTransport, Job, Report, StateAccess, Transport, Trigger, Unavailable, decline,
    deliver, find_transcript, note_health, note_suspended,
};
use crate::langfuse::Deadline;
use crate::log_file;
use crate::privacy::invalid_patterns;
use crate::state::{Backoff, PausedTime, SessionKey, Store};
use configuration::{configure, configure_other, other_project};
use event::{Event, Kind};
use quiet::{exit_after, exit_with_message_after, keep_panics_quiet};

/// The largest request of a Stop hook on the wire: 1.5 s at 256 kbit/s.
const STOP_REQUEST_BYTES: usize = 48 * 1024;
/// The largest request at SessionEnd, which has more time.
const SESSION_END_REQUEST_BYTES: usize = 160 * 1024;
/// Claude Code kills SessionEnd hooks of a plugin after 1.5 s, whatever timeout they declare (docs/claude-code.md,
/// "Time limits of a hook").
const PLUGIN_SESSION_END_BUDGET: Duration = Duration::from_millis(1200);
/// Claude Code's settings can give a SessionEnd hook more, but not every user waits that long.
const MAX_SESSION_END_BUDGET: Duration = Duration::from_secs(9);
/// The process ends this long after its budget, whatever hangs.
const GRACE: Duration = Duration::from_millis(300);

/// Handles the event on standard input. `config_file` replaces the user's configuration file. Returns nothing: a
/// failing hook must not be noticed. `misunderstood` holds the parser's message about the command line, for the log.
pub fn run(config_file: Option<PathBuf>, misunderstood: Option<String>) {
    let started = Instant::now();
    keep_panics_quiet();
    let mut env = Env::of_process();
    env.config_override = config_file;
    // Until the event is read, the process has the time of a Stop.
    exit_with_message_after(env.hook_budget(), {
        let config_file = env.config_override.clone();
        || log_late_event(config_file)
    });
    let mut event = event::read(std::io::stdin().lock());
    if let Ok(event) = &mut event
        && let Some(found) = transcript(&env, event, false)
    {
        // The rows belong to the session that names the file. Under another session they would be sent twice.
        let session_id = locate::session_id(&found);
        if !session_id.is_empty() {
            event.session_id = session_id;
        }
        event.transcript = found;
    }
    let mut start =
        project_dir(&env).or_else(|| event.as_ref().ok().and_then(|event| event.cwd.clone()));
    let files = Files::new();
    let mut config = configure(&mut env, &files, event.as_ref().ok(), start.as_deref());
    if config.enabled
        && let Ok(event) = &event
        && let Some(other) = other_project(&env, event, start.as_deref())
    {
        config = configure_other(&mut env, &files, event, &other);
        start = Some(other);
    }
    if config.enabled || config.suspended.is_some() {
        log_file::to_file(&config.state_dir, config.debug);
    }
    if let Some(reason) = misunderstood.as_deref().and_then(|told| told.lines().next()) {
        log::error!("the hook's command line is not understood: {reason}");
    }
    let event = match event {
        Ok(event) => event,
        Err(error) => return log::error!("{error:#}"),
    };
    let Some(kind) = event.kind() else {
        return log::debug!("event {} needs nothing", event.name);
    };
    let paused = Store::new(&config.state_dir).pauses();
    let paused = paused.times(start.as_deref());
    let hook = Hook { event, start, paused, kind, config, env, files, started };
    if let Some(problem) = &hook.config.suspended {
        exit_after(hook.left() + GRACE);
        return hook.suspend("configuration", &problem.to_string());
    }
    if !hook.config.enabled || hook.is_paused() {
        return hook.decline();
    }
    hook.start_delivery();
}

fn project_dir(env: &Env) -> Option<PathBuf> {
    env.variable("CLAUDE_PROJECT_DIR").map(PathBuf::from)
}

/// Logs that the hook ended before it knew its task.
fn log_late_event(config_file: Option<PathBuf>) {
    let mut env = Env::of_process();
    env.config_override = config_file;
    let start = project_dir(&env);
    let config = configure(&mut env, &Files::new(), None, start.as_deref());
    if config.enabled || config.suspended.is_some() {
        log_file::to_file(&config.state_dir, config.debug);
        log::error!(
            "could not read hook event and configuration within {} s: standard input or a key file hangs",
            env.hook_budget().as_secs_f64()
        );
    }
}

fn transcript(env: &Env, event: &Event, wait: bool) -> Option<PathBuf> {
    // JSON can't hold the path of a file in a folder whose name is no UTF-8.
    let folder = env.claude_config_dir().filter(|folder| folder.to_str().is_none());
    let projects = folder.map(|folder| folder.join("projects"));
    find_transcript(&event.transcript, &event.session_id, projects.as_deref(), wait)
}

struct Hook {
    event: Event,
    /// The directory in which the session was started.
    start: Option<PathBuf>,
    /// The times during which nothing of this project is sent.
    paused: Vec<PausedTime>,
    kind: Kind,
    config: Config,
    env: Env,
    files: Files,
    started: Instant,
}

impl Hook {
    /// Delivers the session, or notes and reports why that is impossible.
    fn start_delivery(&self) {
        exit_after(self.left() + GRACE);
        let Config { problems, warnings, ignored, .. } = &self.config;
        for problem in problems.iter().chain(warnings).chain(ignored) {
            log::warn!("{problem}");
        }
        if let Some(reason) = invalid_patterns(&self.config) {
            return self.suspend("mask-patterns", &reason);
        }
        match &self.config.destination {
            Ok(destination) => self.deliver(destination),
            Err(problem @ DestinationProblem::NotAllowed(request)) => {
                self.report_request(request, &problem.to_string());
                self.note_suspended();
            }
            Err(problem) => self.suspend(problem.code(), &problem.to_string()),
        }
    }

    fn budget(&self) -> Duration {
        match self.kind {
            Kind::Stop => self.config.hook_budget,
            Kind::SessionEnd if self.env.variable("CLAUDE_PLUGIN_ROOT").is_some() => {
                PLUGIN_SESSION_END_BUDGET
            }
            Kind::SessionEnd => (self.config.hook_budget * 3).min(MAX_SESSION_END_BUDGET),
        }
    }

    fn left(&self) -> Duration {
        self.budget().saturating_sub(self.started.elapsed())
    }

    fn is_paused(&self) -> bool {
        let now = Timestamp::now();
        self.paused.iter().any(|time| time.covers(now))
    }

    /// Reports a problem that only the user can fix. Nothing is declined: the first delivery after the fix begins at
    /// this turn.
    fn suspend(&self, problem: &str, reason: &str) {
        self.report_configuration(problem, reason);
        self.note_suspended();
    }

    fn note_suspended(&self) {
        let session = &self.event.session_id;
        let prompt_id = match self.kind {
            Kind::Stop => self.event.expected().prompt_id,
            Kind::SessionEnd => None,
        };
        let Some((store, transcript)) = self.suspensions().zip(self.transcript()) else {
            return;
        };
        if let Err(error) = note_suspended(&store, session, &transcript, prompt_id.as_deref()) {
            log::warn!("{session}: {error:#}");
        }
    }

    /// The session's file. A Stop hook waits for it.
    fn transcript(&self) -> Option<PathBuf> {
        transcript(&self.env, &self.event, self.kind == Kind::Stop)
    }

    /// The store of suspended turns: the default one, because an unreadable configuration may name another.
    fn suspensions(&self) -> Option<Store> {
        let folder = self.env.default_state_dir()?;
        Some(Store::new(&folder))
    }

    /// Tracing is off: nothing written now is sent, not even later.
    fn decline(&self) {
        if let Some(store) = self.suspensions() {
            store.clear_suspended(&self.event.session_id);
        }
        let store = Store::new(&self.config.state_dir);
        if !store.knows(&self.event.session_id) {
            return self.note_declined();
        }
        let lock = store.lock(&self.event.session_id, self.left());
        // No log is written: where tracing is off, only cursors may be touched. If the lock fails, the turn is
        // declined anyway; otherwise it would be sent later.
        if !matches!(lock, Ok(None)) {
            let _ = decline(&store, &self.event.session_id, &self.event.transcript);
        }
    }

    /// Notes a session that was switched off in a folder that config.json traces. Without the note `replay --all`
    /// would send it as a session without hooks.
    fn note_declined(&self) {
        let is_traced = self.files.is_traced(&self.env, self.start.as_deref());
        if let Some(store) = self.suspensions().filter(|_| is_traced) {
            // Without a log, as above.
            let _ = store.note_declined(&self.event.session_id, Timestamp::now());
        }
    }

    fn deliver(&self, destination: &Destination) {
        let session = &self.event.session_id;
        let Some(transcript) = self.transcript() else {
            let path = self.event.transcript.display();
            return log::info!("{session}: no transcript (--no-session-persistence?): {path}");
        };
        let store = Store::new(&self.config.state_dir);
        let _lock = match store.lock(session, self.left()) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => {
                return log::info!(
                    "{session}: another process has it, which the next hook completes"
                );
            }
            // At least once.
            Err(error) => {
                log::warn!("{error:#}");
                None
            }
        };
        let id = destination.id();
        let backoff = store.backoff(&id);
        let held = backoff.holds(Timestamp::now());
        let mut transport: Box<dyn Transport> = match self.transport(destination, &backoff) {
            Ok(transport) => transport,
            Err(error) => return self.report_configuration("address", &format!("{error:#}")),
        };
        let mut job = self.job(&transcript, &id, &backoff);
        let suspensions = self.suspensions();
        job.suspended = suspensions.as_ref().and_then(|store| store.suspended(session));
        match deliver(&job, StateAccess::ReadWrite(&store), transport.as_mut()) {
            Ok(report) => {
                let report = report.unwrap_or_default();
                self.log_report(&report);
                let is_used = job.suspended.is_some() && report.unsaved.is_none();
                if let Some(store) = suspensions.filter(|_| is_used) {
                    // The cursor now holds the place to continue from.
                    store.clear_suspended(session);
                }
                let start_directory = report.start_directory.as_deref();
                let own = SessionKey { session_id: session, destination: &id, start_directory };
                note_waiting(&store, own, &report);
                if !held {
                    note_health(&store, &id, &report, self.usual_request());
                }
                if report.spans > 0 {
                    self.report_first_delivery(&store, destination);
                }
                if report.stopped.is_some() {
                    self.report_destination(&store, &id);
                } else if !held {
                    waiting_sessions::deliver_waiting(
                        self,
                        &store,
                        own,
                        destination,
                        transport.as_mut(),
                    );
                }
            }
            Err(error) => log::error!("{session}: {error:#}"),
        }
    }

    fn transport(
        &self,
        destination: &Destination,
        backoff: &Backoff,
    ) -> anyhow::Result<Box<dyn Transport>> {
        if backoff.holds(Timestamp::now()) {
            let until = backoff.not_before.map(Timestamp::rfc3339).unwrap_or_default();
            let reason = backoff.reason.as_deref().unwrap_or("it failed");
            return Ok(Box::new(Unavailable {
                reason: format!("no try before {until}: {reason}"),
            }));
        }
        let transport = HttpTransport::new(
            destination,
            &self.config,
            self.budget(),
            Some(Deadline::after(self.left())),
        )?;
        Ok(Box::new(transport))
    }

    fn job(&self, transcript: &Path, destination: &str, backoff: &Backoff) -> Job {
        let trigger = match self.kind {
            Kind::Stop => Trigger::Stop(self.event.expected()),
            Kind::SessionEnd => Trigger::SessionEnd,
        };
        let session_id = &self.event.session_id;
        let mut job =
            Job::new(session_id, transcript, &self.config, destination, Extent::Live, trigger);
        job.paused.clone_from(&self.paused);
        job.paused.extend(self.suspensions().and_then(|notes| notes.declined_time(session_id)));
        let usual = self.usual_request();
        job.wire_limit = Some(backoff.request_limit.map_or(usual, |limit| limit.min(usual)));
        job
    }

    fn usual_request(&self) -> usize {
        match self.kind {
            Kind::Stop => STOP_REQUEST_BYTES,
            Kind::SessionEnd => SESSION_END_REQUEST_BYTES,
        }
    }

    /// Logs one line per run.
    fn log_report(&self, report: &Report) {
        let session = &self.event.session_id;
        let time = self.started.elapsed().as_millis();
        let Report { turns, spans, scores, requests, bytes, .. } = report;
        if let Some(error) = &report.unsaved {
            log::warn!("{session}: {error}");
        }
        if report.withheld > 0 {
            log::warn!(
                "{session}: {} skipped (turns and agents): policy not met, CC_LANGFUSE_MASK_PATTERNS is not what it was when they began",
                report.withheld
            );
        }
        let broken = report.diagnostics.broken_lines;
        if broken > 0 {
            let first = report.diagnostics.broken.first();
            let (offset, reason) =
                first.map_or((0, ""), |(offset, reason)| (*offset, reason.as_str()));
            log::warn!(
                "{session}: {broken} lines could not be read, the first at byte {offset}: {reason}"
            );
        }
        let untimed = report.diagnostics.untimed_rows;
        if untimed > 0 {
            log::warn!("{session}: no row of the transcript has a usable time: {untimed} not sent");
        }
        let name = &self.event.name;
        match &report.stopped {
            Some(stopped) => {
                log::warn!(
                    "{session}: {name}: sent {spans} spans in {time} ms, the rest waits: {}",
                    stopped.reason
                );
            }
            None if *requests == 0 => log::debug!("{session}: {name}: nothing new in {time} ms"),
            None => log::info!(
                "{session}: {name}: sent {turns} turns, {spans} spans, {scores} scores, {bytes} bytes in {requests} requests, {time} ms"
            ),
        }
    }
}

/// Notes whether a later hook of the project has to deliver the rest of this session.
fn note_waiting(store: &Store, own: SessionKey<'_>, report: &Report) {
    if !report.has_leftover() {
        store.no_longer_waits(own);
    } else if let Err(error) = store.waits(own) {
        log::warn!("{error:#}");
    }
}
