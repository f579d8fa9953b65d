//! Sessions by last activity. A folder may hold ten thousand, so that a file is read only if it may be the next one.

use std::collections::BinaryHeap;
use std::path::PathBuf;

use base::Timestamp;
use transcript::last_activity;

/// Transcripts, the most recently active first.
pub(super) struct NewestFirst {
    /// By modification time. No row is newer, but all may be much older: a copy, or a restored backup.
    files: BinaryHeap<(Timestamp, PathBuf)>,
    /// By the time of their last row.
    sessions: BinaryHeap<(Timestamp, PathBuf)>,
}

impl NewestFirst {
    /// Skips missing files.
    pub(super) fn new(transcripts: impl Iterator<Item = PathBuf>) -> Self {
        let with_mtime = |path: PathBuf| {
            let modified = path.metadata().ok()?.modified().ok()?;
            Some((Timestamp::of(modified), path))
        };
        Self { files: transcripts.filter_map(with_mtime).collect(), sessions: BinaryHeap::new() }
    }

    /// The number of transcripts not yet returned.
    pub(super) fn remaining(&self) -> usize {
        self.files.len() + self.sessions.len()
    }

    /// A file that may hold a later row than all files read so far.
    fn next_candidate(&mut self) -> Option<(Timestamp, PathBuf)> {
        let newest = self.sessions.peek().map(|(last, _)| *last);
        let (written, _) = self.files.peek()?;
        if newest.is_none_or(|last| *written > last) { self.files.pop() } else { None }
    }
}

impl Iterator for NewestFirst {
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        while let Some((written, path)) = self.next_candidate() {
            let last = last_activity(&path).unwrap_or(written);
            self.sessions.push((last, path));
        }
        self.sessions.pop().map(|(_, path)| path)
    }
}
