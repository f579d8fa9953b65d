//! A transcript file as a stream of entries; what couldn't be read is counted, not fatal.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

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

/// So many rows may wait for a time; a file of which more have none is of somebody else.
const MAX_UNTIMED_ROWS: usize = 100;

/// What is looked at without being sent is not longer, in characters.
const SHOWN: usize = 10_000;

/// An open transcript.
#[derive(Debug)]
pub struct Transcript {
    lines: Lines,
    /// The longest text that is needed whole, in characters.
    longest: usize,
    /// Rows at the beginning of the file that have no time wait for the first that has one.
    early: VecDeque<Entry>,
    /// No row with a time was read yet.
    is_early: bool,
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
            early: VecDeque::new(),
            is_early: false,
            diagnostics: Diagnostics::default(),
        })
    }

    /// Keeps texts of so many characters whole; of much longer ones there will be both ends.
    #[must_use]
    pub fn keeping(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    /// Gives each row a time: those at the beginning of the file that have none wait for the first that has one.
    #[must_use]
    pub fn timed(mut self) -> Self {
        self.is_early = self.offset() == 0;
        self
    }

    /// The next entry, or `None` at what is the end for now; asked again, it goes on where the file grew.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        self.next_entry_among(&|_| true)
    }

    /// The next entry among the rows that are wanted, by their bytes: the others are not even parsed.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_entry_among(&mut self, is_wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Entry>> {
        while self.is_early {
            let Some(entry) = self.read_entry(is_wanted)? else {
                return Ok(None);
            };
            if entry.at.is_some() || self.early.len() == MAX_UNTIMED_ROWS {
                self.is_early = false;
                self.early.iter_mut().for_each(|early| early.at = entry.at);
            }
            self.early.push_back(entry);
        }
        match self.early.pop_front() {
            Some(entry) => Ok(Some(entry)),
            None => self.read_entry(is_wanted),
        }
    }

    fn read_entry(&mut self, is_wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Entry>> {
        while let Some(line) = self.lines.next_line()? {
            let offset = line.offset;
            match classify(line, self.longest, is_wanted) {
                Reading::Entry(entry) => return Ok(Some(*entry)),
                Reading::Unneeded => {}
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

/// Where a session was started, and what it calls itself: its first rows tell.
///
/// # Errors
/// When the file can't be read.
pub fn origin(transcript: &Path) -> Result<(Option<PathBuf>, Option<String>)> {
    let mut reader = Transcript::open(transcript, 0)?;
    let (mut start, mut session) = (None, None);
    while let Some(entry) = reader.next_entry()? {
        start = start.or(entry.header.cwd.map(PathBuf::from));
        session = session.or(entry.header.session_id);
        if start.is_some() && session.is_some() {
            break;
        }
    }
    Ok((start, session))
}
