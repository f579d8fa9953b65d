//! What a delivery taught about the server, kept for the next one.

use base::Timestamp;

use super::Report;
use crate::state::{Backoff, Delivered, Store};

/// Keeps when to try again, and how much the server takes at once; `usual_request`: what it is given when all is well,
/// in bytes on the wire.
pub fn note_health(store: &Store, destination: &str, report: &Report, usual_request: usize) {
    let before = store.backoff(destination);
    let mut backoff: Backoff = before.clone();
    match &report.stopped {
        Some(stopped) => {
            if report.requests > 0 {
                backoff.got_through();
            }
            backoff.failed(Timestamp::now(), &stopped.reason, stopped.retry_after);
            backoff.problem = stopped.problem;
        }
        None if report.requests > 0 => backoff.succeeded(usual_request),
        None => {}
    }
    if let Some(size) = report.too_large {
        backoff.halve_requests_of(size);
    }
    if backoff != before
        && let Err(error) = store.save_backoff(destination, &backoff)
    {
        log::warn!("{error:#}");
    }
    if report.requests > 0 {
        note_delivered(store, destination, report);
    }
}

fn note_delivered(store: &Store, destination: &str, report: &Report) {
    let last = report.traces.last().cloned();
    let delivered = Delivered {
        at: Timestamp::now(),
        // What an agent did in the background is no turn of its own.
        trace: last.or_else(|| store.delivered(destination)?.trace),
    };
    if let Err(error) = store.save_delivered(destination, &delivered) {
        log::warn!("{error:#}");
    }
}
