//! Delivers other sessions of the same project after the hook's own, within the rest of its budget: sessions that
//! failed before and have no hook of their own any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Timestamp;
use transcript::locate;

use super::Hook;
use crate::config::{Destination, Scope, resolve};
use crate::delivery::{Extent, Job, StateAccess, Transport, Trigger, deliver};
use crate::privacy::invalid_patterns;
use crate::state::{Cursor, SessionKey, Store};

/// The number of sessions per hook. The next hook takes the next ones.
const MAX_SESSIONS: usize = 3;
/// The number of cursors per hook: their files may be out of reach.
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
    for (transcript, cursor) in with_transcript.take(MAX_SESSIONS) {
        if hook.left().is_zero()
            || !deliver_one(hook, store, destination, transport, (&cursor, &transcript))
        {
            return;
        }
    }
}

/// The current path of the session's file, because the folder of all sessions may be mounted elsewhere. A session
/// without a file keeps waiting.
fn transcript_of(hook: &Hook, cursor: &Cursor) -> Option<PathBuf> {
    if cursor.transcript.exists() {
        return Some(cursor.transcript.clone());
    }
    locate::session_file(locate::projects_of(&hook.event.transcript)?, &cursor.session_id)
}

/// Delivers one session. Returns whether the server accepts more.
fn deliver_one(
    hook: &Hook,
    store: &Store,
    destination: &Destination,
    transport: &mut dyn Transport,
    (cursor, transcript): (&Cursor, &Path),
) -> bool {
    let session = &cursor.session_id;
    // This process's environment means nothing for another session: its files decide.
    let config = resolve(&hook.env, &hook.files, cursor.configured_in(), Scope::FilesOnly);
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
            if !report.has_leftover() {
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
