//! Sessions by when they last went on. A folder may hold ten thousand, so no more of them are looked into than must be.

use std::collections::BinaryHeap;
use std::path::PathBuf;

use base::Timestamp;
use transcript::last_activity;

/// Transcripts, the one that went on last first.
pub(super) struct NewestFirst {
    /// By when they were written. What is in a file is no younger, and may be much older: a copy, a backup that was put
    /// back.
    files: BinaryHeap<(Timestamp, PathBuf)>,
    /// Those that were looked into.
    sessions: BinaryHeap<(Timestamp, PathBuf)>,
}

impl NewestFirst {
    /// Files that are gone are left out.
    pub(super) fn new(transcripts: impl Iterator<Item = PathBuf>) -> Self {
        let written = |path: PathBuf| {
            let modified = path.metadata().ok()?.modified().ok()?;
            Some((Timestamp::of(modified), path))
        };
        Self {
            files: transcripts.filter_map(written).collect(),
            sessions: BinaryHeap::new(),
        }
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.files.len() + self.sessions.len()
    }

    /// A file that may hold a session which went on later than all that were looked into.
    fn rival(&mut self) -> Option<(Timestamp, PathBuf)> {
        let newest = self.sessions.peek().map(|(last, _)| *last);
        let (written, _) = self.files.peek()?;
        match newest.is_none_or(|last| *written > last) {
            true => self.files.pop(),
            false => None,
        }
    }
}

impl Iterator for NewestFirst {
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        while let Some((written, path)) = self.rival() {
            let last = last_activity(&path).unwrap_or(written);
            self.sessions.push((last, path));
        }
        self.sessions.pop().map(|(_, path)| path)
    }
}
