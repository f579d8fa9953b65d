//! Bytes of a growing file → whole lines with their offsets. A line that is still being written waits.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use memchr::memchr;

use crate::regular_file;

/// One read. Large enough that the system calls don't count, small enough to stay flat in memory.
const CHUNK: usize = 256 * 1024;

/// One line of a transcript, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Where the line starts in the file.
    pub(super) offset: u64,
    /// Where the next line starts.
    pub(super) end: u64,
    /// The line's bytes.
    pub(super) bytes: &'a [u8],
}

/// Reads lines from an offset on; may be asked again when the file has grown.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    /// Bytes read and not yet given out lie in `buffer[start..]`.
    buffer: Vec<u8>,
    start: usize,
    /// How far `buffer` was searched for a newline, so that a long line is scanned once.
    searched: usize,
    /// The file's offset of `buffer[start]`.
    offset: u64,
}

impl Lines {
    /// Opens a regular file at `offset`. A FIFO or a device is refused: opening one would block the hook.
    pub(super) fn open(path: &Path, offset: u64) -> Result<Self> {
        let mut file = regular_file::open(path)
            .with_context(|| format!("could not open transcript: {}", path.display()))?;
        file.seek(SeekFrom::Start(offset))
            .with_context(|| format!("could not seek in transcript: {}", path.display()))?;
        Ok(Self {
            file,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            offset,
        })
    }

    /// Whether `path` still leads to the file that is open. Claude Code replaces a transcript when it compacts it.
    pub(super) fn is_still(&self, path: &Path) -> bool {
        let open = self.file.metadata();
        let now = std::fs::metadata(path);
        let same =
            |open: &Metadata, now: &Metadata| (open.dev(), open.ino()) == (now.dev(), now.ino());
        matches!((&open, &now), (Ok(open), Ok(now)) if same(open, now))
    }

    /// Where the next line starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line, or `None` at what is the end for now.
    ///
    /// A last line without newline counts when it is a whole JSON object: no longer line can begin with it, so nothing
    /// is lost when a session ends on it.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(position) = memchr(b'\n', unsearched) {
                let newline = self.searched + position;
                return Ok(Some(self.take(newline, newline + 1)));
            }
            self.searched = self.buffer.len();
            if self.fill()? == 0 {
                break;
            }
        }
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        if rest.last() == Some(&b'}')
            && serde_json::from_slice::<&serde_json::value::RawValue>(rest).is_ok()
        {
            let end = self.buffer.len();
            return Ok(Some(self.take(end, end)));
        }
        Ok(None)
    }

    fn take(&mut self, line_end: usize, next: usize) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        self.offset += (next - start) as u64;
        self.start = next;
        self.searched = next;
        let bytes = self.buffer.get(start..line_end).unwrap_or_default();
        Line {
            offset,
            end: self.offset,
            bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
        }
    }

    fn fill(&mut self) -> Result<usize> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        (&mut self.file)
            .take(CHUNK as u64)
            .read_to_end(&mut self.buffer)
            .context("could not read transcript")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Lines;

    fn collect(lines: &mut Lines) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((
                line.offset,
                String::from_utf8_lossy(line.bytes).into_owned(),
            ));
        }
        all
    }

    #[test]
    fn a_line_in_the_making_waits_for_its_end() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"a\":1}\n{\"b\":").unwrap();
        let mut lines = Lines::open(file.path(), 0).unwrap();
        assert_eq!(collect(&mut lines), [(0, "{\"a\":1}".to_owned())]);
        file.write_all(b"2}\n").unwrap();
        assert_eq!(collect(&mut lines), [(8, "{\"b\":2}".to_owned())]);
        assert_eq!(lines.offset(), 16);
    }

    #[test]
    fn a_whole_object_without_newline_is_a_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"a\":{}}").unwrap();
        let mut lines = Lines::open(file.path(), 0).unwrap();
        assert_eq!(collect(&mut lines), [(0, "{\"a\":{}}".to_owned())]);
        file.write_all(b"\n{\"b\":1}\n").unwrap();
        assert_eq!(
            collect(&mut lines),
            [(8, String::new()), (9, "{\"b\":1}".to_owned())]
        );
    }

    #[test]
    fn an_inner_brace_does_not_end_a_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"a\":{\"b\":1}").unwrap();
        assert_eq!(collect(&mut Lines::open(file.path(), 0).unwrap()), []);
    }

    #[test]
    fn lines_longer_than_a_read_and_windows_line_ends_are_read_whole() {
        let long = "x".repeat(3 * super::CHUNK);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{long}\r\nshort\r\n").unwrap();
        let lines = collect(&mut Lines::open(file.path(), 0).unwrap());
        assert_eq!(
            lines.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(),
            [long.len(), 5]
        );
    }

    #[test]
    fn a_directory_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Lines::open(folder.path(), 0).unwrap_err());
        assert!(error.contains("not a regular file"), "{error}");
    }
}
