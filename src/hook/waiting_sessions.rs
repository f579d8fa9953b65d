//! Sessions of the same project that a failure left behind, and that have no hook of their own any more: what is left of
//! the budget after one's own work is theirs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Timestamp;
use transcript::locate;

use super::Hook;
use crate::config::{Destination, Files, Scope, resolve};
use crate::delivery::{Extent, Job, StateAccess, Transport, Trigger, deliver};
use crate::privacy::invalid_patterns;
use crate::state::{Cursor, SessionKey, Store};

/// How many a hook delivers; the next hook takes the next ones.
const MAX_SESSIONS: usize = 3;
/// How many it looks at: their files may be out of reach.
const MAX_CURSORS: usize = 30;

pub(super) fn deliver_waiting(
    hook: &Hook,
    store: &Store,
    own: SessionKey<'_>,
    destination: &Destination,
    transport: &mut dyn Transport,
) {
    let sessions = store.waiting(own).take(MAX_CURSORS);
    let with_transcript =
        sessions.filter_map(|cursor| Some((transcript_of(hook, &cursor)?, cursor)));
    let files = Files::new();
    for (transcript, cursor) in with_transcript.take(MAX_SESSIONS) {
        if hook.left().is_zero()
            || !deliver_one(hook, store, destination, transport, &files, (&cursor, &transcript))
        {
            return;
        }
    }
}

/// Where the session's file is now: the folder of all sessions may be mounted elsewhere. While it is nowhere, the session waits.
fn transcript_of(hook: &Hook, cursor: &Cursor) -> Option<PathBuf> {
    if cursor.transcript.exists() {
        return Some(cursor.transcript.clone());
    }
    locate::session_file(locate::projects_of(&hook.event.transcript)?, &cursor.session_id)
}

/// Gives whether the server can take more.
fn deliver_one(
    hook: &Hook,
    store: &Store,
    destination: &Destination,
    transport: &mut dyn Transport,
    files: &Files,
    (cursor, transcript): (&Cursor, &Path),
) -> bool {
    let session = &cursor.session_id;
    // What this hook's process was given says nothing about another session: files decide.
    let config = resolve(&hook.env, files, cursor.configured_in(), Scope::FilesOnly);
    let same = config.destination.as_ref().is_ok_and(|other| other.id() == destination.id());
    if !config.enabled || !same || invalid_patterns(&config).is_some() {
        return true;
    }
    let Ok(Some(_lock)) = store.lock(session, Duration::ZERO) else {
        return true;
    };
    let trigger = Trigger::Sweep { now: Timestamp::now() };
    let mut job =
        Job::new(session, transcript, &config, &destination.id(), Extent::Resume, trigger);
    job.paused = store.pauses().times(cursor.configured_in());
    job.paused.extend(hook.suspensions().and_then(|notes| notes.declined_time(session)));
    job.wire_limit = Some(hook.usual_request());
    match deliver(&job, StateAccess::ReadWrite(store), transport) {
        Ok(report) => {
            let report = report.unwrap_or_default();
            if report.withheld > 0 {
                log::info!("{session}: {} skipped: policy not met", report.withheld);
            }
            if !report.leaves_something() {
                store.no_longer_waits(cursor.into());
                log::info!("{session}: sent {} spans that had waited", report.spans);
            }
            report.stopped.is_none()
        }
        Err(error) => {
            log::warn!("{session}: {error:#}");
            true
        }
    }
}
