//! A transcript file as a stream of entries; what couldn't be read is counted, not fatal.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::classify::{Reading, classify};
use super::entry::Entry;
use super::lines::Lines;

/// What the reader passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Lines that are no JSON object: offset and reason. The first few; `broken_lines` counts all.
    pub broken: Vec<(u64, String)>,
    /// How many lines are no JSON object.
    pub broken_lines: u64,
    /// Rows of types that this program does not know, by type.
    pub unknown: BTreeMap<String, u64>,
}

/// Broken lines that are kept with their reason; a binary file has millions.
const BROKEN_KEPT: usize = 5;

/// What is looked at without being sent is not longer, in characters.
const SHOWN: usize = 10_000;

/// An open transcript.
#[derive(Debug)]
pub struct Transcript {
    lines: Lines,
    /// The longest text that is needed whole, in characters.
    longest: usize,
    diagnostics: Diagnostics,
}

impl Transcript {
    /// Opens the file at a row's offset.
    ///
    /// # Errors
    /// When there is no such file, it is no regular file, or it can't be read.
    pub fn open(path: &Path, offset: u64) -> Result<Self> {
        Ok(Self {
            lines: Lines::open(path, offset)?.for_spans(),
            longest: SHOWN,
            diagnostics: Diagnostics::default(),
        })
    }

    /// Keeps texts of so many characters whole; of much longer ones there will be both ends.
    #[must_use]
    pub fn keeping(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    /// The next entry, or `None` at what is the end for now; asked again, it goes on where the file grew.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        while let Some(line) = self.lines.next_line()? {
            let offset = line.offset;
            match classify(line, self.longest) {
                Reading::Entry(entry) => return Ok(Some(*entry)),
                Reading::Needless => {}
                Reading::Unknown(kind) => *self.diagnostics.unknown.entry(kind).or_default() += 1,
                Reading::Broken(reason) => {
                    self.diagnostics.broken_lines += 1;
                    if self.diagnostics.broken.len() < BROKEN_KEPT {
                        self.diagnostics.broken.push((offset, reason));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether `path` still leads to the file that is read.
    pub fn is_still(&self, path: &Path) -> bool {
        self.lines.is_still(path)
    }

    /// Where the next row starts.
    pub fn offset(&self) -> u64 {
        self.lines.offset()
    }

    /// What was passed over so far.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}
