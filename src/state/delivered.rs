//! The last delivery and the waiting sessions, as `status` shows them.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::files;
use super::store::{Store, save};
use crate::trace::TraceId;

/// The last delivery to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    pub at: Timestamp,
    /// Its last turn; `None` when all of it belonged to earlier turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
}

/// Sessions with rows left to deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub sessions: usize,
    /// The time since which the oldest of them waits.
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

    /// The waiting sessions of all projects, by names and times of files alone.
    pub fn all_waiting(&self) -> Waiting {
        let mut waiting = Waiting::default();
        for mark in files::entries(self.root(), &self.root().join("waiting")) {
            waiting.sessions += 1;
            let since = mark.metadata().and_then(|mark| mark.modified());
            let since = since.ok().map(Timestamp::of);
            waiting.since = match (waiting.since, since) {
                (Some(known), Some(since)) => Some(known.min(since)),
                (known, since) => known.or(since),
            };
        }
        waiting
    }

    /// The time of the last failure of a destination.
    pub fn failed_at(&self, destination: &str) -> Option<Timestamp> {
        let changed = fs::metadata(self.backoff_path(destination)).and_then(|file| file.modified());
        changed.ok().map(Timestamp::of)
    }
}
