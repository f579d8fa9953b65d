//! A transcript as a stream of entries. Rows that can't be read are counted.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;

use super::classify::{Reading, classify};
use super::instruction_log::InstructionLog;
use super::instructions::names_instructions;
use super::scan;
use super::session::Turn;
use super::{Entry, Instructions, Lines, TurnInstructions};

/// The rows that the reader skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Lines without a JSON object: offset and reason. The first five; `broken_lines` counts all.
    pub broken: Vec<(u64, String)>,
    /// The number of lines without a JSON object.
    pub broken_lines: u64,
    /// The number of rows of the conversation in a file in which no row has a usable time: none of them becomes a span.
    pub untimed_rows: u64,
    /// The number of rows of each unknown type.
    pub unknown: BTreeMap<String, u64>,
}

/// The number of broken lines kept with their reason. A binary file has millions.
const BROKEN_KEPT: usize = 5;

/// The maximum number of rows that wait for a time. Claude Code writes no file with more rows without a time.
const MAX_UNTIMED_ROWS: usize = 100;

/// The longest text of a transcript that is not sent, in characters.
const SHOWN: usize = 10_000;

/// An open transcript.
#[derive(Debug)]
pub struct Transcript {
    lines: Lines,
    /// The longest text that is needed whole, in characters.
    longest: usize,
    /// Images and documents are hashed.
    with_media: bool,
    /// Rows without a time at the beginning of the file.
    early: VecDeque<Entry>,
    /// No row with a time was read yet.
    is_early: bool,
    /// So many rows had no time that later times can't be theirs.
    is_untimed: bool,
    /// Follows the instructions that rows name, if that is wanted.
    instructions: Option<InstructionLog>,
    diagnostics: Diagnostics,
}

impl Transcript {
    /// Opens the file at a row's offset.
    ///
    /// # Errors
    /// When the path has no regular file, or the file can't be read.
    pub fn open(path: &Path, offset: u64) -> Result<Self> {
        let mut lines = Lines::open(path, offset)?;
        lines.for_spans = true;
        Ok(Self {
            lines,
            longest: SHOWN,
            with_media: false,
            early: VecDeque::new(),
            is_early: false,
            is_untimed: false,
            instructions: None,
            diagnostics: Diagnostics::default(),
        })
    }

    /// Keeps texts of up to `longest` characters whole. Much longer texts become excerpts.
    #[must_use]
    pub fn keeping(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    /// Follows the instructions that rows name. `known`: those named before.
    #[must_use]
    pub fn with_instructions(mut self, known: Rc<Instructions>) -> Self {
        self.lines.for_instructions = true;
        self.instructions = Some(InstructionLog::new(known));
        self
    }

    /// The instructions in effect around the last turn read. Empty if they are not followed.
    pub fn instructions_of(&mut self, turn: &Turn) -> TurnInstructions {
        self.instructions.as_mut().map(|log| log.of_turn(turn)).unwrap_or_default()
    }

    /// Hashes images and documents.
    #[must_use]
    pub fn with_media(mut self, is_wanted: bool) -> Self {
        self.with_media = is_wanted;
        self
    }

    /// Gives rows without a time at the beginning of the file the first time that follows.
    #[must_use]
    pub fn timed(mut self) -> Self {
        self.is_early = self.offset() == 0;
        self
    }

    /// The next entry; `None` at the end of the file, until the file grows.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        self.next_entry_among(&|_| true)
    }

    /// The next entry among the wanted rows. Other rows are not parsed.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn next_entry_among(&mut self, is_wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Entry>> {
        while self.is_early {
            let Some(entry) = self.read_entry(is_wanted)? else {
                return Ok(None);
            };
            // A title has no time in any release.
            self.diagnostics.untimed_rows += u64::from(entry.uuid.is_some());
            if entry.at.is_some() || self.early.len() == MAX_UNTIMED_ROWS {
                self.is_early = false;
                self.is_untimed = entry.at.is_none();
                if !self.is_untimed {
                    self.diagnostics.untimed_rows = 0;
                }
                self.early.iter_mut().for_each(|early| early.at = entry.at);
            }
            self.early.push_back(entry);
        }
        match self.early.pop_front() {
            Some(entry) => Ok(Some(entry)),
            None => {
                let entry = self.read_entry(is_wanted)?;
                if self.is_untimed
                    && let Some(entry) = &entry
                {
                    self.is_untimed = entry.at.is_none();
                    let is_lost = self.is_untimed && entry.uuid.is_some();
                    self.diagnostics.untimed_rows += u64::from(is_lost);
                }
                Ok(entry)
            }
        }
    }

    fn read_entry(&mut self, is_wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Entry>> {
        while let Some(line) = self.lines.next_line()? {
            let offset = line.offset;
            if let Some(instructions) = &mut self.instructions
                && names_instructions(line.bytes.trim_ascii_start())
                && instructions.observe(&line)
            {
                continue;
            }
            match classify(line, self.longest, self.with_media, is_wanted) {
                Reading::Entry(entry) => return Ok(Some(*entry)),
                Reading::Unneeded => {}
                Reading::Unknown(kind) => *self.diagnostics.unknown.entry(kind).or_default() += 1,
                Reading::Broken(reason) => {
                    self.diagnostics.broken_lines += 1;
                    if self.diagnostics.broken.len() < BROKEN_KEPT {
                        self.diagnostics.broken.push((offset, reason));
                    }
                    self.lines.go_behind_torn(offset)?;
                }
            }
        }
        Ok(None)
    }

    /// Whether `path` still leads to the open file.
    pub fn is_still(&self, path: &Path) -> bool {
        self.lines.is_still(path)
    }

    /// The offset of the next row, in bytes.
    pub fn offset(&self) -> u64 {
        self.lines.offset()
    }

    /// The rows that were skipped so far.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }
}

/// The start directory and the id of a session, from its first rows.
///
/// # Errors
/// If the file can't be read.
pub fn origin(transcript: &Path) -> Result<(Option<PathBuf>, Option<String>)> {
    let mut reader = Transcript::open(transcript, 0)?;
    reader.lines.expect_few_rows();
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

/// Whether a row names this session as its own.
///
/// # Errors
/// If the file can't be read.
pub fn names_session(transcript: &Path, session: &str) -> Result<bool> {
    let mut lines = Lines::open(transcript, 0)?;
    while let Some(line) = lines.next_line()? {
        if scan::names_session(&line.bytes, session) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Transcript;

    const TORN: &str = r#"{"parentUuid":"a","type":"assistant","message":{"content":[{"type":"text","text":"x, {\"type\": y}"}],"usage":{"input_tokens":1}}}"#;
    const WHOLE: &str = r#"{"parentUuid":null,"type":"user","uuid":"u","message":{"content":"x"}}"#;

    fn uuids(line: &str) -> Vec<Option<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{line}").unwrap();
        let mut transcript = Transcript::open(file.path(), 0).unwrap();
        let entries = std::iter::from_fn(|| transcript.next_entry().unwrap());
        entries.map(|entry| entry.uuid).collect()
    }

    #[test]
    fn a_whole_row_behind_a_torn_one_is_read_wherever_that_was_torn() {
        let unneeded = r#"{"type":"last-prompt","leafUuid":"l","lastPrompt":"a: [b, {c"}"#;
        for torn in [TORN, unneeded] {
            for at in 1..torn.len() {
                let line = format!("{}{WHOLE}", &torn[..at]);
                assert_eq!(uuids(&line), [Some("u".to_owned())], "{line}");
            }
        }
    }

    #[test]
    fn a_name_that_comes_twice_has_its_last_value_and_the_row_is_read() {
        let twice = r#"{"type":"user","uuid":"v","parentUuid":null,"type":"user","uuid":"u","message":{"content":"x","content":"y"}}"#;
        assert_eq!(uuids(twice), [Some("u".to_owned())]);
    }

    #[test]
    fn rows_are_counted_where_none_has_a_time() {
        let count = |rows: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            write!(file, "{rows}").unwrap();
            let mut transcript = Transcript::open(file.path(), 0).unwrap().timed();
            while transcript.next_entry().unwrap().is_some() {}
            transcript.diagnostics().untimed_rows
        };
        let title = r#"{"type":"custom-title","customTitle":"t"}"#;
        let late = WHOLE.replacen('{', r#"{"timestamp":"2024-11-23T06:40:46.354Z","#, 1);
        let never = WHOLE.replacen('{', r#"{"timestamp":"9999-99-99","#, 1);
        assert_eq!(count(&format!("{WHOLE}\n{title}\n{never}\n")), 2);
        assert_eq!(count(&format!("{title}\n{WHOLE}\n{late}\n{WHOLE}\n")), 0);
        assert_eq!(count(&format!("{title}\n")), 0);
        assert_eq!(count(&format!("{WHOLE}\n").repeat(150)), 150);
    }

    #[test]
    fn a_row_of_another_type_is_read_behind_a_torn_one() {
        for at in 1..TORN.len() {
            let line = format!("{}{{\"type\":\"queue-operation\",\"uuid\":\"q\"}}", &TORN[..at]);
            assert_eq!(uuids(&line), [Some("q".to_owned())], "{line}");
        }
    }
}
