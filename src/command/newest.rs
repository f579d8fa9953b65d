//! Sessions by when they last went on. A folder may hold ten thousand, so no more of them are looked into than must be.

use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::transcript::{Timestamp, last_activity};

/// Transcripts, the one that went on last first.
pub(super) struct NewestFirst {
    /// By when they were written, the last at the end. What is in a file is no younger, and may be much older: a copy, a
    /// backup that was put back.
    files: Vec<(SystemTime, PathBuf)>,
    /// Those that were looked into.
    sessions: BinaryHeap<(Timestamp, PathBuf)>,
}

impl NewestFirst {
    /// Files that are gone are left out.
    pub(super) fn new(transcripts: impl Iterator<Item = PathBuf>) -> Self {
        let written = |path: PathBuf| Some((path.metadata().ok()?.modified().ok()?, path));
        let mut files: Vec<(SystemTime, PathBuf)> = transcripts.filter_map(written).collect();
        files.sort_unstable();
        Self {
            files,
            sessions: BinaryHeap::new(),
        }
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.files.len() + self.sessions.len()
    }

    /// A file that may hold a session which went on later than all that were looked into.
    fn rival(&mut self) -> Option<(SystemTime, PathBuf)> {
        let newest = self.sessions.peek().map(|(last, _)| *last);
        self.files
            .pop_if(|(written, _)| newest.is_none_or(|last| Timestamp::of(*written) > last))
    }
}

impl Iterator for NewestFirst {
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        while let Some((written, path)) = self.rival() {
            let last = last_activity(&path).unwrap_or_else(|| Timestamp::of(written));
            self.sessions.push((last, path));
        }
        self.sessions.pop().map(|(_, path)| path)
    }
}
