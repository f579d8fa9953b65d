//! Rebuilds the messages that the model received before an answer.
//!
//! Claude Code 2.1.330 records the hashes of each request's messages (`recorded`). Without that record, as in older
//! releases, they are built from the rows on the path to the answer (`branch`).

mod branch;
mod canonical;
mod index;
mod message;
mod recorded;
mod rows;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base::regular_file;

use index::{Index, Place};
pub use message::{Message, Role};
use recorded::Source;
use rows::Fields;

use crate::json_text::lossy;

/// The conversation of a session's file. Holds the places of its rows and reads messages on demand, so that a message
/// is in memory once, whatever the size of the file.
#[derive(Debug)]
pub struct Conversation {
    path: PathBuf,
    file: File,
    index: Index,
    /// The places of the messages that requests name by hash. Built on first use.
    known: Option<BTreeMap<String, Source>>,
}

impl Conversation {
    /// Indexes a transcript.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = regular_file::open(path)
            .with_context(|| format!("could not open transcript: {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file, index: Index::read(path)?, known: None })
    }

    /// The messages of the request behind the answer with these rows, without the system prompt.
    ///
    /// # Errors
    /// If the transcript can't be read any more.
    pub fn before(&mut self, answer: &[String]) -> Result<Vec<Message>> {
        let Some(first) = self.index.rows_of(answer).next() else {
            return Ok(Vec::new());
        };
        if let Some(request) = self.index.request_of(first)
            && let Some(messages) = self.recorded(&request)?
        {
            return Ok(messages);
        }
        let mut messages = self.merged(&self.index.way_to(first))?;
        message::results_first(&mut messages);
        Ok(messages)
    }

    /// The answer with these rows: all blocks of its message.
    ///
    /// # Errors
    /// If the transcript can't be read any more.
    pub fn answer(&self, answer: &[String]) -> Result<Option<Message>> {
        let rows: Vec<usize> = self.index.rows_of(answer).collect();
        Ok(self.merged(&rows)?.pop())
    }

    /// The last commit that Claude Code sent the model before an answer (2.1.330 and later).
    pub fn commit_before(&self, answer: &[String]) -> Option<&str> {
        let first = self.index.rows_of(answer).next()?;
        self.index.commit_before(first)
    }

    /// Like [`Self::commit_before`], but only a commit sent after this opening row: the one checked out when the turn
    /// began.
    pub fn commit_within(&self, opening: &str, answer: &[String]) -> Option<&str> {
        let first = self.index.rows_of(answer).next()?;
        let opening = self.index.row_before(opening, first)?;
        self.index.commit_between(opening, first)
    }

    /// Merges rows to the messages in which they were sent.
    fn merged(&self, rows: &[usize]) -> Result<Vec<Message>> {
        let mut messages = message::Merged::default();
        for row in rows.iter().filter_map(|row| self.index.rows.get(*row)) {
            let text = self.text(row.place)?;
            if let Some(read) = Fields::read(&text) {
                messages.add(&read);
            }
        }
        Ok(messages.finish())
    }

    fn text(&self, place: Place) -> Result<String> {
        let mut bytes = vec![0; place.length];
        self.file
            .read_exact_at(&mut bytes, place.offset)
            .with_context(|| format!("could not read transcript: {}", self.path.display()))?;
        Ok(lossy(bytes))
    }
}
