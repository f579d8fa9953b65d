//! The state of a destination as a delivery found it: back-off and request size, kept for the next delivery.

use base::Timestamp;

use super::Report;
use crate::state::{Backoff, Delivered, Store};

/// Updates the back-off and the request limit of a destination. `usual_request` is the normal limit, in bytes on the
/// wire.
pub fn note_health(store: &Store, destination: &str, report: &Report, usual_request: usize) {
    if report.requests == 0 && report.stopped.is_none() && report.too_large.is_none() {
        return;
    }
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
        // Spans of a background agent belong to an earlier turn.
        trace: last.or_else(|| store.delivered(destination)?.trace),
    };
    if let Err(error) = store.save_delivered(destination, &delivered) {
        log::warn!("{error:#}");
    }
}
