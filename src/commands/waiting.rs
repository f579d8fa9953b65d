//! The sessions that `flush` sends for sure: one count for `status`, `doctor` and `flush`.

use base::Timestamp;

use crate::commands::delivery_context::DeliveryContext;
use crate::config::{Config, Destination, DestinationProblem, Scope};
use crate::state::{Cursor, Store, WaitingSession};

/// Sessions with rows left to deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub sessions: usize,
    /// Images and documents that are not uploaded.
    pub media: usize,
    /// The time since which the oldest of them waits.
    pub since: Option<Timestamp>,
}

/// The fate of a session in `flush`.
pub(super) enum Flush<'a> {
    Send(&'a Destination),
    /// The configuration can't be read.
    Suspended(&'a DestinationProblem),
    /// Tracing is off, or the destination has changed.
    Skip,
}

impl<'a> Flush<'a> {
    pub(super) fn of(cursor: &Cursor, config: &'a Config) -> Self {
        match &config.destination {
            Ok(destination) if config.enabled && destination.id() == cursor.destination => {
                Self::Send(destination)
            }
            Err(problem @ DestinationProblem::Suspended(_)) => Self::Suspended(problem),
            _ => Self::Skip,
        }
    }
}

/// Counts the sessions that hooks could not deliver. Claude Code may have removed the transcript of one.
pub(super) fn waiting(context: &DeliveryContext, store: &Store) -> Waiting {
    let mut waiting = Waiting::default();
    for WaitingSession { cursor, since } in store.waiting_sessions() {
        let config = context.config(cursor.configured_in(), Scope::FilesOnly);
        if cursor.transcript.exists() && !matches!(Flush::of(&cursor, &config), Flush::Skip) {
            waiting.sessions += 1;
            waiting.media += cursor.media.len();
            waiting.since = waiting.since.into_iter().chain(since).min();
        }
    }
    waiting
}
