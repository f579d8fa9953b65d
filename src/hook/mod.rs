//! One hook event: from Claude Code's standard input to Langfuse, within a budget, without ever disturbing the user.

pub mod event;
mod notice;
mod quiet;
mod waiting;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::config::{Config, Destination, Files, Scope, Surroundings, resolve};
use crate::delivery::{
    Absent, Courier, Ending, Express, Job, Keeping, Reach, Report, decline, deliver,
    has_transcript, note_health,
};
use crate::langfuse::Deadline;
use crate::log_file;
use crate::mask::unmet_wish;
use crate::state::{Backoff, Cursor, PausedTime, Store};
use crate::transcript::Timestamp;
use event::{Event, Kind};
use quiet::{keep_panics_quiet, quit_after};

/// The largest request of a Stop hook on the wire: 1.5 s at 256 kbit/s.
const STOP_REQUEST: usize = 48 * 1024;
/// The same at SessionEnd, which has more time.
const END_REQUEST: usize = 160 * 1024;
/// A plugin's SessionEnd hooks are killed after 1.5 s, whatever timeout they declare (docs/claude-code.md, "Time limits of a hook").
const PLUGIN_END: Duration = Duration::from_millis(1200);
/// Claude Code's settings can give a SessionEnd hook more, but not every user waits for it.
const LONGEST_END: Duration = Duration::from_secs(9);
/// How long past its budget the process may live, whatever hangs.
const GRACE: Duration = Duration::from_millis(300);
/// Until the event says what it is, this much time is enough for any.
const UNKNOWN_EVENT: Duration = Duration::from_secs(10);

/// Handles the event on standard input, with this configuration file instead of the user's. It has no result: a hook that
/// fails must not be noticed by its user. What of its command line was not understood goes to the log.
pub fn run(config_file: Option<PathBuf>, misunderstood: Option<String>) {
    let started = Instant::now();
    keep_panics_quiet();
    quit_after(UNKNOWN_EVENT);
    let event = event::read(std::io::stdin().lock());
    let mut surroundings = Surroundings::of_process();
    surroundings.config_override = config_file;
    let files = Files::new();
    let start = surroundings
        .variable("CLAUDE_PROJECT_DIR")
        .map(PathBuf::from)
        .or_else(|| event.as_ref().ok().and_then(|event| event.cwd.clone()));
    let config = resolve(&surroundings, &files, start.as_deref(), Scope::OwnHook, &[]);
    if config.enabled {
        log_file::to_file(&config.state_dir, config.debug);
    }
    if let Some(reason) = misunderstood
        .as_deref()
        .and_then(|told| told.lines().next())
    {
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
    let hook = Hook {
        event,
        paused: paused.times(start.as_deref()),
        kind,
        config,
        surroundings,
        started,
    };
    if !hook.config.enabled || hook.is_paused() {
        return hook.decline();
    }
    quit_after(hook.budget() + GRACE);
    for problem in hook.config.problems.iter().chain(&hook.config.warnings) {
        log::warn!("{problem}");
    }
    if let Some(reason) = unmet_wish(&hook.config) {
        return hook.tell_of_configuration("mask-patterns", &reason);
    }
    match &hook.config.destination {
        Ok(destination) => hook.deliver(destination),
        Err(problem) => hook.tell_of_configuration(problem.code(), &problem.to_string()),
    }
}

struct Hook {
    event: Event,
    /// The times within which nothing of this project is sent.
    paused: Vec<PausedTime>,
    kind: Kind,
    config: Config,
    surroundings: Surroundings,
    started: Instant,
}

impl Hook {
    fn budget(&self) -> Duration {
        match self.kind {
            Kind::Stop => self.config.hook_budget,
            Kind::SessionEnd if self.surroundings.variable("CLAUDE_PLUGIN_ROOT").is_some() => {
                PLUGIN_END
            }
            Kind::SessionEnd => (self.config.hook_budget * 3).min(LONGEST_END),
        }
    }

    fn left(&self) -> Duration {
        self.budget().saturating_sub(self.started.elapsed())
    }

    fn is_paused(&self) -> bool {
        let now = Timestamp::now();
        self.paused.iter().any(|time| time.covers(now))
    }

    /// Tracing is off: what is written now was not consented to, also not later.
    fn decline(&self) {
        let store = Store::new(&self.config.state_dir);
        if !store.knows(&self.event.session_id) {
            return;
        }
        let lock = store.lock(&self.event.session_id, self.left());
        // Without a log: nothing but the cursors may be touched where tracing is off. Where nothing can be locked it is
        // noted all the same: else it would be sent later.
        if !matches!(lock, Ok(None)) {
            let _ = decline(&store, &self.event.session_id, &self.event.transcript);
        }
    }

    fn deliver(&self, destination: &Destination) {
        let (session, transcript) = (&self.event.session_id, &self.event.transcript);
        if !has_transcript(transcript, self.kind == Kind::Stop) {
            let path = transcript.display();
            return log::info!("{session}: no transcript (--no-session-persistence?): {path}");
        }
        let store = Store::new(&self.config.state_dir);
        let _lock = match store.lock(session, self.left()) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => {
                return log::info!(
                    "{session}: another process has it, which the next hook completes"
                );
            }
            // Better twice than never.
            Err(error) => {
                log::warn!("{error:#}");
                None
            }
        };
        let id = destination.id();
        let backoff = store.backoff(&id);
        let held = backoff.holds(Timestamp::now());
        let mut courier: Box<dyn Courier> = match self.courier(destination, &backoff) {
            Ok(courier) => courier,
            Err(error) => return self.tell_of_configuration("address", &format!("{error:#}")),
        };
        let result = deliver(
            &self.job(&id, &backoff),
            Keeping::Kept(&store),
            courier.as_mut(),
        );
        match result {
            Ok(report) => {
                let report = report.unwrap_or_default();
                self.tell(&report);
                let own = store.cursor_partly_asleep(session, &id);
                let own = own.ok().flatten();
                if let Some(own) = &own {
                    note_waiting(&store, own, &report);
                }
                if !held {
                    note_health(&store, &id, &report, self.usual_request());
                }
                if report.stopped.is_some() {
                    self.tell_of_destination(&store, &id);
                } else if let Some(own) = own.filter(|_| !held) {
                    waiting::deliver_waiting(self, &store, &own, destination, courier.as_mut());
                }
            }
            Err(error) => log::error!("{session}: {error:#}"),
        }
    }

    fn courier(
        &self,
        destination: &Destination,
        backoff: &Backoff,
    ) -> anyhow::Result<Box<dyn Courier>> {
        if backoff.holds(Timestamp::now()) {
            let until = backoff
                .not_before
                .map(Timestamp::rfc3339)
                .unwrap_or_default();
            let reason = backoff.reason.as_deref().unwrap_or("it failed");
            return Ok(Box::new(Absent {
                reason: format!("no try before {until}: {reason}"),
            }));
        }
        let mut courier = Express::new(
            destination,
            &self.config,
            &self.surroundings.environment,
            self.budget(),
            Some(Deadline::after(self.left())),
        )?;
        courier.lets_requests_grow = backoff.lets_requests_grow(Timestamp::now());
        Ok(Box::new(courier))
    }

    fn job(&self, destination: &str, backoff: &Backoff) -> Job {
        let ending = match self.kind {
            Kind::Stop => Ending::Stop(self.event.expected()),
            Kind::SessionEnd => Ending::Over,
        };
        let Event {
            session_id,
            transcript,
            ..
        } = &self.event;
        let mut job = Job::new(
            session_id,
            transcript,
            &self.config,
            destination,
            Reach::FromContact,
            ending,
        );
        job.paused.clone_from(&self.paused);
        let usual = self.usual_request();
        job.wire_limit = Some(
            backoff
                .request_limit
                .map_or(usual, |limit| limit.min(usual)),
        );
        job
    }

    fn usual_request(&self) -> usize {
        match self.kind {
            Kind::Stop => STOP_REQUEST,
            Kind::SessionEnd => END_REQUEST,
        }
    }

    /// One line a run.
    fn tell(&self, report: &Report) {
        let session = &self.event.session_id;
        let time = self.started.elapsed().as_millis();
        let Report {
            turns,
            spans,
            scores,
            requests,
            bytes,
            ..
        } = report;
        if let Some(error) = &report.unsaved {
            log::warn!("{session}: {error}");
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

/// Whether a later hook of the project has to look after this session.
fn note_waiting(store: &Store, own: &Cursor, report: &Report) {
    if !report.leaves_something() {
        store.no_longer_waits(own);
    } else if let Err(error) = store.waits(own) {
        log::warn!("{error:#}");
    }
}
