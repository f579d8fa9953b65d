//! Splits a growing file into whole lines with their offsets. An unfinished line waits.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use anyhow::{Context, Result};
use base::regular_file;

use super::instructions::names_instructions;
use super::{prefilter, scan};

/// The size of a read: few system calls, little memory.
const CHUNK: usize = 256 * 1024;

/// The size of the first read, which is enough for nearly all hooks.
const FIRST_READ_BYTES: usize = CHUNK / 4;

/// The size of the first read if only the first rows are wanted: each page of the buffer costs a page fault.
const FIRST_ROWS_BYTES: usize = CHUNK / 32;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A block of zeros, to compare with and to extend the buffer by.
const ZEROS: [u8; 4096] = [0; 4096];

/// The size from which a line gets a buffer of its own. Usual lines are shorter.
const ROOM: usize = 4 * CHUNK;

/// The number of bytes kept of an unneeded line: enough to count its type.
const KEPT_BYTES: usize = scan::HEAD_BYTES;

/// One line of a transcript, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The offset of the line.
    pub(crate) offset: u64,
    /// The offset of the next line.
    pub(crate) end: u64,
    /// The line's bytes; owned if the line is long, so that they are freed as soon as it is read.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// The middle was dropped: no span can need the line.
    pub(crate) is_cut: bool,
}

/// Reads lines from an offset on, even while the file grows.
#[derive(Debug)]
pub(crate) struct Lines {
    file: File,
    /// Unread bytes are `buffer[start..]`.
    buffer: Vec<u8>,
    start: usize,
    /// The size of the next read.
    next_read: usize,
    /// `buffer` was searched for a line end up to here, so that a long line is scanned once.
    searched: usize,
    /// The offset of the current line, with the skipped bytes before it.
    offset: u64,
    /// The number of bytes before that line that belong to no row: zeros, and a byte order mark.
    skipped: u64,
    /// Rows that no span needs may be cut.
    pub(super) for_spans: bool,
    /// Rows of all other types may be cut.
    pub(super) only: Option<&'static [u8]>,
    /// Of those, rows that name instructions stay whole.
    pub(super) for_instructions: bool,
    /// The number of dropped bytes of the current line, which is no row or an unneeded one.
    dropped: u64,
}

impl Lines {
    /// Opens a regular file at `offset`. A FIFO or a device is refused: opening it would block the hook.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self> {
        let mut file = regular_file::open(path)
            .with_context(|| format!("could not open transcript: {}", path.display()))?;
        file.seek(SeekFrom::Start(offset))
            .with_context(|| format!("could not seek in transcript: {}", path.display()))?;
        Ok(Self {
            file,
            buffer: Vec::new(),
            start: 0,
            next_read: FIRST_READ_BYTES,
            searched: 0,
            offset,
            skipped: 0,
            for_spans: false,
            only: None,
            for_instructions: false,
            dropped: 0,
        })
    }

    /// Begins with a small read, because only the first rows are wanted.
    pub(super) fn expect_few_rows(&mut self) {
        self.next_read = FIRST_ROWS_BYTES;
    }

    /// Whether `path` is still the open file. Claude Code replaces a transcript when it compacts it.
    pub(crate) fn is_still(&self, path: &Path) -> bool {
        let open = self.file.metadata();
        let now = std::fs::metadata(path);
        let same =
            |open: &Metadata, now: &Metadata| (open.dev(), open.ino()) == (now.dev(), now.ino());
        matches!((&open, &now), (Ok(open), Ok(now)) if same(open, now))
    }

    /// The offset of the next line.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end of the file, until the file grows.
    ///
    /// A last line without a line end counts if it is a whole JSON object: no longer line can begin with it.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.skip_before_row();
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(position) = scan::line_end(unsearched) {
                let newline = self.searched + position;
                return Ok(Some(self.take_row(newline)));
            }
            self.searched = self.buffer.len();
            self.drop_unneeded();
            if self.is_hollow() || self.fill()? == 0 {
                break;
            }
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let zeros = trailing_zeros(rest);
        if scan::is_object(rest.get(..rest.len() - zeros).unwrap_or_default()) {
            let end = self.buffer.len() - zeros;
            return Ok(Some(self.take(end, end)));
        }
        Ok(None)
    }

    /// Continues at a whole row at the end of a broken line: a killed process left a torn row, and the next one
    /// appended to it. `offset`: that of the line, which was the last one.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(crate) fn go_behind_torn(&mut self, offset: u64) -> Result<()> {
        let end = self.offset;
        self.go_to(offset)?;
        let behind = match self.next_line()? {
            Some(line) if line.end == end => scan::row_behind_torn(&line.bytes),
            _ => None,
        };
        self.go_to(behind.map_or(end, |behind| offset + behind as u64))
    }

    fn go_to(&mut self, offset: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(offset)).context("could not read transcript")?;
        self.buffer.clear();
        (self.start, self.searched, self.skipped, self.dropped) = (0, 0, 0, 0);
        self.offset = offset;
        Ok(())
    }

    /// Skips zero bytes before a row. A power cut leaves them if the file was longer than its content on disk, and
    /// the row appended after them is whole. At the end of the file they are no row yet: on some file systems the
    /// content follows the length.
    fn skip_before_row(&mut self) {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        // In blocks: there may be gigabytes.
        let is_zero = |block: &&[u8]| ZEROS.starts_with(block);
        let blocks = rest.chunks(ZEROS.len()).take_while(is_zero);
        let whole: usize = blocks.map(<[u8]>::len).sum();
        let last = rest.get(whole..).unwrap_or_default();
        let zeros = whole + last.iter().take_while(|byte| **byte == 0).count();
        let has_mark = rest.get(zeros..).unwrap_or_default().starts_with(BYTE_ORDER_MARK);
        let skipped = zeros + if has_mark { BYTE_ORDER_MARK.len() } else { 0 };
        self.start += skipped;
        self.searched = self.searched.max(self.start);
        self.skipped += skipped as u64;
    }

    /// Whether only zeros without disk blocks follow. The check does not read gigabytes: many zeros were read, the
    /// file ends with zeros, and it has fewer blocks than were skipped.
    fn is_hollow(&self) -> bool {
        // Checked once: later reads continue to the end.
        let once = ROOM as u64..(ROOM + CHUNK) as u64;
        let is_among_zeros = once.contains(&self.skipped) && self.start == self.buffer.len();
        let is_hollow = || -> std::io::Result<bool> {
            let metadata = self.file.metadata()?;
            let mut last = vec![0; CHUNK];
            let at = metadata.len().saturating_sub(CHUNK as u64);
            let read = self.file.read_at(&mut last, at)?;
            let is_zero = last.iter().take(read).all(|byte| *byte == 0);
            Ok(is_zero && metadata.blocks().saturating_mul(512) < self.offset + self.skipped)
        };
        is_among_zeros && is_hollow().unwrap_or(false)
    }

    /// Drops the bytes of a line that is no row or unneeded: it may have a gigabyte.
    fn drop_unneeded(&mut self) {
        let line = self.buffer.get(self.start..).unwrap_or_default();
        let row = line.trim_ascii_start();
        let may_be_needed = row.first() == Some(&b'{')
            && self.dropped == 0
            && (row.len() < CHUNK
                || self.only.is_none_or(|kind| scan::leading_type(row) == Some(kind))
                    && (!self.for_spans
                        || prefilter::skip_unneeded(row).is_none()
                        || (self.for_instructions && names_instructions(row))));
        if !may_be_needed && line.len() > KEPT_BYTES {
            self.dropped += (line.len() - KEPT_BYTES) as u64;
            self.buffer.truncate(self.start + KEPT_BYTES);
            self.searched = self.buffer.len();
        }
    }

    /// The line up to `newline`. If it holds several rows, the first one.
    fn take_row(&mut self, newline: usize) -> Line<'_> {
        let line = self.buffer.get(self.start..newline).unwrap_or_default();
        match scan::further_row(line).filter(|_| self.dropped == 0) {
            Some(further) => self.take(self.start + further, self.start + further),
            None => self.take(newline, newline + 1),
        }
    }

    fn take(&mut self, line_end: usize, next: usize) -> Line<'_> {
        let start = self.start;
        let dropped = std::mem::take(&mut self.dropped);
        let offset = self.offset + std::mem::take(&mut self.skipped);
        self.offset = offset + (next - start) as u64 + dropped;
        self.start = next;
        self.searched = next;
        let bytes = if next - start > ROOM {
            Cow::Owned(self.split_off_line(start, line_end))
        } else {
            Cow::Borrowed(self.buffer.get(start..line_end).unwrap_or_default())
        };
        Line { offset, end: self.offset, bytes: bare(bytes), is_cut: dropped > 0 }
    }

    /// The line's bytes in the current buffer; the bytes that follow get a new one.
    fn split_off_line(&mut self, start: usize, end: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        (self.start, self.searched) = (0, 0);
        line.truncate(end);
        line.drain(..start);
        line
    }

    fn fill(&mut self) -> Result<usize> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        // One call: `read_to_end` makes six calls, from 8 KB on.
        let filled = self.buffer.len();
        self.buffer.reserve(self.next_read);
        while self.buffer.len() < filled + self.next_read {
            // `resize` writes byte by byte in a program built for size.
            self.buffer.extend_from_slice(&ZEROS);
        }
        let room = self.buffer.get_mut(filled..).unwrap_or_default();
        let read = loop {
            match self.file.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.context("could not read transcript"),
            }
        };
        let length = *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(filled + length);
        self.next_read = match length < self.next_read {
            true => FIRST_READ_BYTES,
            false => (self.next_read * 4).min(CHUNK),
        };
        read
    }
}

/// The row without surrounding bytes: Windows ends a line with two bytes, and a power cut leaves zeros.
fn bare(mut line: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let end = |row: &[u8]| {
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        row.len() - trailing_zeros(row)
    };
    match &mut line {
        Cow::Borrowed(bytes) => *bytes = bytes.get(..end(bytes)).unwrap_or_default(),
        Cow::Owned(bytes) => bytes.truncate(end(bytes)),
    }
    line
}

fn trailing_zeros(line: &[u8]) -> usize {
    line.iter().rev().take_while(|byte| **byte == 0).count()
}

#[cfg(test)]
mod tests;
