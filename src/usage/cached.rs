//! Cached facts, with a digest of the files from which they were read.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::facts::SessionFacts;
use crate::trace::hash;

/// Changes with every change in how facts are made.
const FORMAT: u32 = 4;

/// The cached facts of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CachedFacts {
    format: u32,
    program: String,
    stamp: u64,
    facts: SessionFacts,
}

impl CachedFacts {
    pub fn new(stamp: u64, facts: SessionFacts) -> Self {
        Self { format: FORMAT, program: env!("CARGO_PKG_VERSION").to_owned(), stamp, facts }
    }

    /// The facts, if this program read them from the same files.
    pub fn still_valid(self, stamp: u64) -> Option<SessionFacts> {
        let is_ours = self.format == FORMAT && self.program == env!("CARGO_PKG_VERSION");
        (is_ours && self.stamp == stamp).then_some(self.facts)
    }
}

/// A digest of names, lengths and times of a session's files; `None` if the transcript is gone.
pub fn stamp(transcript: &Path) -> Option<u64> {
    let mut text = String::new();
    add(&mut text, transcript)?;
    let mut folders = vec![transcript.with_extension("").join("subagents")];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort_unstable();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else {
                let _ = add(&mut text, &path);
            }
        }
    }
    Some(hash(text.as_bytes()))
}

fn add(text: &mut String, path: &Path) -> Option<()> {
    let metadata = path.metadata().ok()?;
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    let name = path.file_name()?.to_string_lossy();
    writeln!(text, "{name} {} {} {seconds} {nanoseconds}", metadata.ino(), metadata.len()).ok()
}
