//! The last delivery and the waiting sessions.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::files;
use super::store::{Store, save};
use crate::trace::TraceId;

/// The last delivery to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    pub at: Timestamp,
    /// The trace of its last turn; `None` if all spans belonged to earlier turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
}

/// A session with rows left to deliver.
#[derive(Clone, Debug)]
pub struct WaitingSession {
    pub cursor: Cursor,
    /// The time since which it waits.
    pub since: Option<Timestamp>,
}

impl Store {
    /// The last delivery to a destination; `None` when it can't be read.
    pub fn delivered(&self, destination: &str) -> Option<Delivered> {
        self.load(&self.delivered_path(destination)).ok().flatten()
    }

    /// Writes the last delivery to a destination. It has a file of its own, so that hooks of two sessions that end at once
    /// don't overwrite each other's back-off.
    ///
    /// # Errors
    /// When the folder or the file can't be written.
    pub fn save_delivered(&self, destination: &str, delivered: &Delivered) -> Result<()> {
        files::make_private_folder(self.root(), &self.root().join("deliveries"))?;
        save(&self.delivered_path(destination), delivered)
    }

    fn delivered_path(&self, destination: &str) -> PathBuf {
        self.root().join("deliveries").join(format!("{destination}.json"))
    }

    /// The waiting sessions of all projects. A mark without a cursor counts as none.
    pub fn waiting_sessions(&self) -> impl Iterator<Item = WaitingSession> {
        let marks = files::entries(self.root(), &self.root().join("waiting"));
        marks.into_iter().filter_map(|mark| {
            let since = mark.metadata().and_then(|mark| mark.modified());
            let cursor = self.cursor_of_mark(mark.file_name()?.to_str()?)?;
            Some(WaitingSession { cursor, since: since.ok().map(Timestamp::of) })
        })
    }

    /// The time of the last failure of a destination.
    pub fn failed_at(&self, destination: &str) -> Option<Timestamp> {
        let changed = fs::metadata(self.backoff_path(destination)).and_then(|file| file.modified());
        changed.ok().map(Timestamp::of)
    }
}
