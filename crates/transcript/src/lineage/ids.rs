//! A set of row ids, as hashes: a session has hundreds of thousands.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::Result;

use crate::lines::Lines;
use crate::scan;

/// The ids of rows.
#[derive(Debug, Default)]
pub(super) struct Ids(HashSet<u64>);

impl Ids {
    /// All ids before the offset `end` of a file.
    pub(super) fn read(path: &Path, end: u64) -> Result<Self> {
        let mut ids = Self::default();
        let mut lines = Lines::open(path, 0)?;
        while let Some(line) = lines.next_line()?
            && line.offset < end
        {
            ids.0.extend(scan::ids(&line.bytes).map(hash));
        }
        Ok(ids)
    }

    pub(super) fn contain(&self, id: &str) -> bool {
        self.0.contains(&hash(id.as_bytes()))
    }

    /// Adds an id. Returns whether it is new.
    pub(super) fn add(&mut self, id: &str) -> bool {
        self.0.insert(hash(id.as_bytes()))
    }
}

/// Only of use within one process.
pub(crate) fn hash(id: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
