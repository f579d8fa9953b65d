//! Sessions of the same project that a failure left behind, and that have no hook of their own any more: what is left of
//! the budget after one's own work is theirs.

use std::time::Duration;

use base::Timestamp;

use super::Hook;
use crate::config::{Destination, Files, Scope, resolve};
use crate::delivery::{Courier, Ending, Job, Keeping, Reach, deliver};
use crate::privacy::unmet_wish;
use crate::state::{Cursor, Store, grant};

/// How many a hook looks at; the next hook takes the next ones.
const AT_MOST: usize = 3;

pub(super) fn deliver_waiting(
    hook: &Hook,
    store: &Store,
    own: &Cursor,
    destination: &Destination,
    courier: &mut dyn Courier,
) {
    let sessions = store.waiting(own, AT_MOST);
    let files = Files::new();
    for cursor in sessions {
        if hook.left().is_zero() || !deliver_one(hook, store, destination, courier, &files, &cursor)
        {
            return;
        }
    }
}

/// Gives whether the server can take more.
fn deliver_one(
    hook: &Hook,
    store: &Store,
    destination: &Destination,
    courier: &mut dyn Courier,
    files: &Files,
    cursor: &Cursor,
) -> bool {
    let session = &cursor.session_id;
    // What this hook's process was given says nothing about another session: files decide.
    let mut config = resolve(
        &hook.surroundings,
        files,
        cursor.start_directory.as_deref(),
        Scope::FilesOnly,
        &[],
    );
    grant(&mut config, &hook.surroundings);
    let same = config
        .destination
        .as_ref()
        .is_ok_and(|other| other.id() == destination.id());
    if !config.enabled || !same || unmet_wish(&config).is_some() {
        return true;
    }
    let Ok(Some(_lock)) = store.lock(session, Duration::ZERO) else {
        return true;
    };
    let ending = Ending::ByRows {
        now: Timestamp::now(),
    };
    let mut job = Job::new(
        session,
        &cursor.transcript,
        &config,
        &destination.id(),
        Reach::Known,
        ending,
    );
    job.paused = store.pauses().times(cursor.start_directory.as_deref());
    job.wire_limit = Some(hook.usual_request());
    match deliver(&job, Keeping::Kept(store), courier) {
        Ok(report) => {
            let report = report.unwrap_or_default();
            if report.withheld > 0 {
                log::info!("{session}: {} skipped: policy not met", report.withheld);
            }
            if !report.leaves_something() {
                store.no_longer_waits(cursor);
                log::info!("{session}: sent {} spans that had waited", report.spans);
            }
            report.stopped.is_none()
        }
        Err(error) => {
            // Its transcript is gone or can't be read: nothing will ever be sent from it.
            store.no_longer_waits(cursor);
            log::warn!("{session}: {error:#}");
            true
        }
    }
}
