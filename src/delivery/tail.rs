//! Reads the entries of a session's file up to its end, and can wait for the end of a turn.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use base::Timestamp;
use transcript::completion::{Completion, Expected};
use transcript::lineage::{Guests, OwnRows, SessionIds};
use transcript::session::Turn;
use transcript::{Diagnostics, Entry, Instructions, Transcript, TurnInstructions, locate};

use super::agents::runs_apart;
use crate::state::{Cursor, OpenTurn};

/// The longest wait of a Stop hook for the last row of its turn. The longest one that was measured is 156 ms.
const MAX_ROW_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for a transcript that does not exist yet.
const MAX_FILE_WAIT: Duration = Duration::from_millis(300);
/// The pause between two reads.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Entries up to the current end of the file. The caller can wait for more until the turn is complete.
pub(super) struct TailReader {
    path: PathBuf,
    transcript: Transcript,
    /// Separates the session's rows from others, if others are unwanted.
    own_rows: Option<OwnRows>,
    newest: Option<Timestamp>,
    waiting: Option<Completion>,
    until: Instant,
    grown_at: Instant,
    settled: bool,
    /// The end of the turn was not in the file at once.
    has_waited: bool,
    /// Whether a command that runs in an agent was looked for.
    sought_command: bool,
}

impl TailReader {
    /// Opens the file at the offset of a row. `expected`: the end of the turn as the Stop hook names it, if it is
    /// awaited.
    pub(super) fn open(path: &Path, offset: u64, expected: Option<&Expected>) -> Result<Self> {
        let now = Instant::now();
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        Ok(Self {
            path: path.to_owned(),
            transcript: Transcript::open(path, offset)?.timed(),
            own_rows: None,
            newest: None,
            waiting: expected.map(|expected| Completion::new(expected.clone(), length)),
            until: now + MAX_ROW_WAIT,
            grown_at: now,
            settled: false,
            has_waited: false,
            sought_command: false,
        })
    }

    /// Leaves out rows of other sessions, and history that was written again.
    pub(super) fn of_session(mut self, own_rows: OwnRows) -> Self {
        self.own_rows = Some(own_rows);
        self
    }

    /// The time of the newest row read.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Other sessions whose rows were left out.
    pub(super) fn guests(&self) -> Guests {
        self.own_rows.as_ref().map(|own_rows| own_rows.guests.clone()).unwrap_or_default()
    }

    /// Keeps texts of up to `longest` characters whole.
    pub(super) fn keeping(mut self, longest: usize) -> Self {
        self.transcript = self.transcript.keeping(longest);
        self
    }

    /// Hashes images and documents, if they are uploaded.
    pub(super) fn with_media(mut self, is_wanted: bool) -> Self {
        self.transcript = self.transcript.with_media(is_wanted);
        self
    }

    /// Follows the instructions that rows name. `known`: those named before.
    pub(super) fn with_instructions(mut self, known: Rc<Instructions>) -> Self {
        self.transcript = self.transcript.with_instructions(known);
        self
    }

    /// The instructions in effect around the last turn read.
    pub(super) fn instructions_of(&mut self, turn: &Turn) -> TurnInstructions {
        self.transcript.instructions_of(turn)
    }

    /// The end was awaited, and the turn is complete.
    pub(super) fn settled(&self) -> bool {
        self.settled
    }

    /// Whether `path` is still the file being read.
    pub(super) fn is_still(&self, path: &Path) -> bool {
        self.transcript.is_still(path)
    }

    /// The offset of the next row.
    pub(super) fn offset(&self) -> u64 {
        self.transcript.offset()
    }

    /// Lines that could not be read.
    pub(super) fn diagnostics(&self) -> &Diagnostics {
        self.transcript.diagnostics()
    }
}

impl TailReader {
    /// The turn is not complete, and the time for waiting is not over.
    pub(super) fn is_awaited(&mut self) -> bool {
        let Some(settle) = &self.waiting else {
            return false;
        };
        self.settled = settle.is_complete(self.grown_at.elapsed());
        let is_awaited =
            !self.settled && Instant::now() < self.until && self.transcript.is_still(&self.path);
        let is_awaited = is_awaited && !self.is_for_command();
        if is_awaited && !self.has_waited {
            log::debug!("the end of the turn is not there yet: waiting for it");
            self.has_waited = true;
        }
        if !is_awaited {
            if self.has_waited && !self.settled {
                log::debug!("the end of the turn did not come: the next hook brings it");
            }
            self.waiting = None;
        }
        is_awaited
    }

    /// Whether the hook fired for a command that ran in an agent. The rows of such a command come after the hook,
    /// without an answer of a model. The agent wrote its first row long ago, so that one look decides.
    fn is_for_command(&mut self) -> bool {
        let settle = self.waiting.as_ref().filter(|_| !self.sought_command);
        let Some(prompt_id) = settle.and_then(Completion::possible_command) else {
            return false;
        };
        let is_for_command = runs_apart(&self.path, prompt_id);
        self.sought_command = true;
        is_for_command
    }

    /// Gives the file time to grow.
    pub(super) fn pause() {
        std::thread::sleep(POLL_INTERVAL);
    }

    /// All entries, including awaited ones.
    pub(super) fn until_settled(&mut self) -> impl Iterator<Item = Result<Entry>> {
        std::iter::from_fn(move || {
            loop {
                let entry = self.next();
                if entry.is_some() || !self.is_awaited() {
                    return entry;
                }
                Self::pause();
            }
        })
    }
}

impl Iterator for TailReader {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = loop {
            let before = self.transcript.offset();
            let entry = self.transcript.next_entry().transpose();
            if self.transcript.offset() != before {
                self.grown_at = Instant::now();
            }
            let is_admitted = match (&entry, &mut self.own_rows) {
                (Some(Ok(entry)), Some(own_rows)) => own_rows.admit(entry),
                _ => true,
            };
            if is_admitted {
                break entry;
            }
        };
        if let Some(Ok(entry)) = &entry {
            self.newest = self.newest.max(entry.at);
        }
        if let (Some(settle), Some(Ok(entry))) = (&mut self.waiting, &entry) {
            settle.observe(entry);
        }
        entry
    }
}

/// Separates the session's rows from other rows, from the cursor's open turn on.
pub(super) fn rows_from_cursor(cursor: &Cursor, ids: SessionIds, transcript: &Path) -> OwnRows {
    let mut own_rows = OwnRows::new(ids, transcript);
    own_rows.begin_at(cursor.own_from);
    own_rows.leave_before(cursor.open_since);
    if let Some(OpenTurn { uuid, at, is_behind, .. }) = &cursor.open_turn {
        own_rows.go_on(Some(uuid).filter(|_| !is_behind), *at);
    }
    own_rows
}

/// Finds the transcript of a session by the path in the event.
///
/// In a worktree some releases name a folder that does not exist (docs/claude-code.md, "Files of a session"). In the
/// first turn of a session the file may appear after the Stop hook starts, so that the caller can `wait` for it.
/// `projects`: Claude Code's own folder, for a path that JSON can't hold.
pub fn find_transcript(
    named: &Path,
    session_id: &str,
    projects: Option<&Path>,
    wait: bool,
) -> Option<PathBuf> {
    let until = Instant::now() + MAX_FILE_WAIT;
    loop {
        // The caller that opens the file reports any other error.
        if named.try_exists().unwrap_or(true) {
            return Some(named.to_owned());
        }
        let projects = locate::projects_of(named).filter(|all| all.is_dir()).or(projects);
        if let Some(found) = projects.and_then(|all| locate::session_file(all, session_id)) {
            return Some(found);
        }
        if !wait || Instant::now() >= until {
            return None;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use transcript::completion::Expected;

    use super::TailReader;

    /// Whether the end is awaited beside an agent of this prompt with this meta file.
    fn is_awaited(agents_prompt: &str, meta: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let transcript = folder.path().join("s.jsonl");
        fs::write(&transcript, "{\"type\":\"queue-operation\"}\n").unwrap();
        let agents = folder.path().join("s/subagents");
        fs::create_dir_all(&agents).unwrap();
        let row = format!(
            r#"{{"type":"user","promptId":"{agents_prompt}","timestamp":"2024-10-05T21:16:00.167Z","message":{{"content":"x"}}}}"#
        );
        fs::write(agents.join("agent-a.jsonl"), row + "\n").unwrap();
        fs::write(agents.join("agent-a.meta.json"), meta).unwrap();
        let (prompt_id, last_text) = (Some("p".to_owned()), Some("done".to_owned()));
        let expected = Expected { prompt_id, last_text, was_blocked: false };
        let mut reader = TailReader::open(&transcript, 0, Some(&expected)).unwrap();
        assert!(reader.next().is_none_or(|entry| entry.is_ok()));
        reader.is_awaited()
    }

    #[test]
    fn the_answer_of_a_command_that_ran_in_an_agent_is_not_waited_for() {
        assert!(!is_awaited("p", r#"{"agentType":"general-purpose"}"#));
        assert!(is_awaited("another", r#"{"agentType":"general-purpose"}"#));
        // A tool call launched the agent, and the rows of that call are on their way.
        assert!(is_awaited("p", r#"{"toolUseId":"toolu_1"}"#));
        assert!(is_awaited("p", r#"{"parentAgentId":"b"}"#));
    }
}
