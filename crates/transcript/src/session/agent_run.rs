//! The run of an agent.

use base::Timestamp;

use super::{Activity, Opening};
use crate::Entry;

/// One run of an agent: its whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRun {
    /// The agent's first row.
    pub opening: Opening,
    /// Its model calls, tools and events.
    pub activity: Activity,
}

impl AgentRun {
    /// Reads an agent's file: one run, however often it was resumed. `None` if no row has a time. `used_ids`: trusted
    /// ids of earlier calls of the trace.
    pub fn read(entries: impl IntoIterator<Item = Entry>, used_ids: &[String]) -> Option<Self> {
        let mut run: Option<Self> = None;
        let mut last_at = None;
        for entry in entries {
            last_at = entry.at.or(last_at);
            let Some(at) = last_at else { continue };
            let run = run.get_or_insert_with(|| Self::begin(&entry, at, used_ids));
            run.activity.push(entry, at);
        }
        run
    }

    /// A run that begins with this row, which the caller pushes next.
    pub(super) fn begin(entry: &Entry, at: Timestamp, used_ids: &[String]) -> Self {
        Self { opening: Opening::of(entry, at), activity: Activity::after(used_ids) }
    }
}
