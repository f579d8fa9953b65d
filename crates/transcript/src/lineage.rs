//! Separates a session's own rows from others: the head of a file may be copied from the session it was forked from,
//! rows of other sessions may be between its own, and history may be written again. Copied turns belong to the
//! session that had them first (docs/claude-code.md, "Copies: forks and background sessions").

mod ids;
mod own_rows;
mod relatives;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use base::Timestamp;

use super::entry::{Entry, Header, Prompt, Record};
use super::excerpt::is_same;
use super::{locate, text_of};
pub(crate) use ids::hash;
pub use own_rows::{Guests, OwnRows};
use relatives::Relatives;

/// The session ids in a session's own rows.
#[derive(Clone, Debug, Default)]
pub struct SessionIds {
    /// The session.
    session: String,
    /// The name of its file: hooks of some releases name another session than its rows do.
    file: Option<String>,
}

impl SessionIds {
    /// The ids of a session and its file.
    pub fn new(session: &str, transcript: &Path) -> Self {
        Self { session: session.to_owned(), file: Some(locate::session_id(transcript)) }
    }

    /// The ids of a session with rows in another session's file.
    pub fn of_guest(session: &str) -> Self {
        Self { session: session.to_owned(), file: None }
    }

    /// The session has a file of its own elsewhere, with its history.
    fn is_guest(&self) -> bool {
        self.file.is_none()
    }

    fn is_foreign(&self, id: &str) -> bool {
        id != self.session && Some(id) != self.file.as_deref()
    }

    /// The other session that a row names.
    fn other<'a>(&self, id: Option<&'a String>) -> Option<&'a String> {
        id.filter(|id| self.is_foreign(id))
    }
}

/// The mark of a copied row.
struct Mark {
    /// Copied prompts bear it too, not only copied answers.
    on_prompts: bool,
    /// The session that had the row first.
    parent: Option<String>,
}

impl Mark {
    fn on_prompts(parent: Option<String>) -> Self {
        Self { on_prompts: true, parent }
    }
}

/// Watches a file from its first row until the beginning of the session's own rows is known.
#[derive(Debug, Default)]
pub struct Lineage {
    ids: SessionIds,
    /// Rows before this offset are copies. 0 until that is decided.
    pub own_from: u64,
    /// The session that had them first.
    pub parent: Option<String>,
    /// The directory in which the session was started.
    pub start_directory: Option<PathBuf>,
    relatives: Relatives,
    /// The prompt of the calling Stop hook.
    prompt_id: Option<String>,
    not_before: Option<Timestamp>,
    is_decided: bool,
    /// The queue row above all messages: its time, and the queued text.
    queued: Option<(Timestamp, Option<String>)>,
    /// A message was read.
    has_begun: bool,
    /// A row bore a mark.
    is_copied: bool,
    has_mark_on_prompts: bool,
    /// The time of the first row that names the session.
    own_at: Option<Timestamp>,
    /// The first row that names another session, unless an own row is above it.
    other_first: Option<(Timestamp, String)>,
}

impl Lineage {
    /// Starts with the session that owns the file.
    pub fn new(ids: SessionIds, transcript: &Path) -> Self {
        Self { ids, relatives: Relatives::of(transcript), ..Self::default() }
    }

    /// Sets the prompt of a Stop hook.
    #[must_use]
    pub fn called_for(mut self, prompt_id: Option<&String>) -> Self {
        self.prompt_id = prompt_id.cloned();
        self
    }

    /// Leaves out older rows.
    #[must_use]
    pub fn not_before(mut self, at: Timestamp) -> Self {
        self.not_before = Some(at);
        self
    }

    /// Treats all turns of a file as wanted, copied or not.
    pub fn without_copies(ids: SessionIds, transcript: &Path) -> Self {
        Self { is_decided: true, ..Self::new(ids, transcript) }
    }

    /// The beginning of the own rows is known. Until then nothing of the session may be sent.
    pub fn is_decided(&self) -> bool {
        self.is_decided
    }

    /// Messages were read that may be copies.
    pub fn is_in_doubt(&self) -> bool {
        self.has_begun && !self.is_decided
    }

    /// Observes a row.
    pub fn observe(&mut self, entry: &Entry) {
        if self.start_directory.is_none() {
            self.start_directory = entry.header.cwd.as_ref().map(PathBuf::from);
        }
        if self.is_decided {
            return;
        }
        self.note_names(entry);
        if let Some(prompt) = &entry.uuid
            && matches!(entry.record, Record::Prompt(_))
        {
            self.relatives.note_first_prompt(prompt, entry.header.background);
        }
        if let Some(mark) = self.mark(entry) {
            self.is_copied = true;
            self.has_mark_on_prompts |= mark.on_prompts;
            self.parent = mark.parent.or(self.parent.take());
        } else if self.is_own(entry) {
            self.is_decided = true;
            let has_copies = self.is_copied || self.other_first.is_some();
            self.own_from = if has_copies { entry.offset } else { 0 };
        }
        match &entry.record {
            // The row of another session.
            Record::Queued(_) | Record::Notified(_)
                if self.ids.other(entry.header.session_id.as_ref()).is_some() => {}
            Record::Queued(text) if !self.has_begun => {
                self.queued = self.queued.take().or(entry.at.map(|at| (at, text.clone())));
            }
            Record::Notified(_) if !self.has_begun => {
                self.queued = self.queued.take().or(entry.at.map(|at| (at, None)));
            }
            record => self.has_begun |= is_message(record),
        }
    }

    /// A file may begin with rows that name the session they were copied from. Those are no younger than the first
    /// own row. Younger ones were written into the wrong file.
    fn note_names(&mut self, entry: &Entry) {
        let Some(at) = entry.at else { return };
        match self.ids.other(entry.header.session_id.as_ref()) {
            Some(other) if self.own_at.is_none() => {
                self.other_first.get_or_insert((at, other.clone()));
            }
            None if self.own_at.is_none() && entry.header.session_id.is_some() => {
                self.own_at = Some(at);
                let first = self.other_first.clone().filter(|_| !self.ids.is_guest());
                if let Some((_, other)) = first.filter(|(first, _)| *first <= at) {
                    self.is_copied = true;
                    self.has_mark_on_prompts = true;
                    self.parent = Some(other);
                }
            }
            _ => {}
        }
    }

    fn mark(&mut self, entry: &Entry) -> Option<Mark> {
        let Header { forked, session_id, request_session_id, .. } = &entry.header;
        let parent = self.ids.other(request_session_id.as_ref());
        if *forked {
            return Some(Mark::on_prompts(parent.cloned()));
        }
        if let Some(other) = self.ids.other(session_id.as_ref()) {
            let is_copy = self.own_at.zip(entry.at).is_some_and(|(own, at)| at <= own);
            return is_copy.then(|| Mark::on_prompts(Some(other.clone())));
        }
        let on_prompts = self.is_older_than_queue(entry) || self.is_of_first_session(entry);
        if parent.is_some() || on_prompts {
            let parent = parent.cloned().or_else(|| self.relatives.parent());
            return Some(Mark { on_prompts, parent });
        }
        None
    }

    /// `--fork-session` queues the new prompt before it copies the old rows. A prompt older than the queue row with
    /// its very text was copied only if another file has it. Otherwise the clock stepped back.
    fn is_older_than_queue(&mut self, entry: &Entry) -> bool {
        let Some((queued, text)) = &self.queued else {
            return false;
        };
        if entry.at.is_none_or(|at| at >= *queued) {
            return false;
        }
        match &entry.record {
            Record::Prompt(prompt) if has_text(prompt, text.as_deref()) => {
                entry.uuid.as_deref().is_some_and(|uuid| self.relatives.have(uuid))
            }
            Record::Compacted(_) => true,
            record => is_message(record),
        }
    }

    /// A session that continues in the background: its file begins with the rows of the first one.
    fn is_of_first_session(&mut self, entry: &Entry) -> bool {
        let uuid = entry.uuid.as_deref().filter(|_| entry.header.background);
        uuid.is_some_and(|uuid| self.relatives.have(uuid))
    }

    /// A row without a mark shows that the own rows have begun.
    fn is_own(&self, entry: &Entry) -> bool {
        if self.ids.other(entry.header.session_id.as_ref()).is_some() {
            return false;
        }
        match &entry.record {
            Record::Assistant(_) => true,
            // Requests are never copied.
            Record::Request(_) => true,
            Record::Queued(_) | Record::Notified(_) => {
                self.has_begun && self.relatives.is_background()
            }
            Record::Prompt(prompt) if entry.uuid.is_some() && !prompt.tentative => {
                self.begins_with_prompt(prompt, entry)
            }
            Record::Compacted(boundary) => boundary.manual && self.has_mark_on_prompts,
            _ => false,
        }
    }

    /// As long as nothing was copied, a release that marks its prompts marks only the copies of answers.
    fn begins_with_prompt(&self, prompt: &Prompt, entry: &Entry) -> bool {
        let is_called_for = self.prompt_id.is_some() && self.prompt_id == entry.header.prompt_id;
        if is_called_for && !entry.header.background {
            return true;
        }
        if self.is_copied || self.other_first.is_some() {
            return self.has_mark_on_prompts || self.other_first.is_some();
        }
        self.queued.is_some() || !prompt.marked && !entry.header.background
    }
}

/// A row of a person, a model or a tool.
fn is_message(record: &Record) -> bool {
    record.is_user_row() || matches!(record, Record::Assistant(_))
}

fn has_text(prompt: &Prompt, queued: Option<&str>) -> bool {
    queued.is_some_and(|queued| is_same(&text_of(&prompt.content), queued))
}
