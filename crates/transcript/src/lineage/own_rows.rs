//! The rows of one session among those of its file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base::Timestamp;

use super::ids::Ids;
use super::{Lineage, SessionIds};
use crate::{Entry, Record};

/// Sessions with rows in another session's file, each with the directory in its first row.
pub type Guests = BTreeMap<String, Option<PathBuf>>;

/// Separates the session's own rows from those of other sessions, and from history that was written again.
#[derive(Debug, Default)]
pub struct OwnRows {
    ids: SessionIds,
    transcript: PathBuf,
    /// Rows before it are copies, which the first own turn may need; `None` until it is known.
    own_from: Option<u64>,
    /// The opening row at which reading continues.
    resumed: Option<String>,
    /// Older rows belong to turns that were read before.
    not_before: Option<Timestamp>,
    /// The time of the newest opening row.
    newest: Option<Timestamp>,
    /// The id of the previous row: some programs write each row twice.
    last: String,
    /// All ids above, once a row may be a copy.
    known: Option<Ids>,
    /// Other sessions whose rows were read.
    pub guests: Guests,
}

impl OwnRows {
    /// For a file that is read from its first row.
    pub fn new(ids: SessionIds, transcript: &Path) -> Self {
        Self { ids, transcript: transcript.to_owned(), ..Self::default() }
    }

    /// Sets the beginning of the own rows.
    pub fn begin_at(&mut self, own_from: u64) {
        self.own_from = Some(own_from);
    }

    /// Leaves out older rows: a rewritten file keeps some rows of earlier turns.
    pub fn leave_before(&mut self, at: Option<Timestamp>) {
        self.not_before = at;
    }

    /// Sets the time of the newest known opening row, and the row at which reading continues.
    pub fn go_on(&mut self, with: Option<&String>, newest: Timestamp) {
        (self.resumed, self.newest) = (with.cloned(), Some(newest));
    }

    /// Observes a row. Returns whether it belongs to the session's turns.
    pub fn admit(&mut self, entry: &Entry) -> bool {
        let id = id(entry);
        if let Some(id) = id {
            if self.last == id {
                return false;
            }
            id.clone_into(&mut self.last);
        }
        if self.own_from.is_none_or(|own_from| entry.offset < own_from) {
            return true;
        }
        if let Some(guest) = self.ids.other(entry.header.session_id.as_ref()) {
            if !self.guests.contains_key(guest) {
                let directory = entry.header.cwd.as_ref().map(PathBuf::from);
                self.guests.insert(guest.clone(), directory);
            }
            return false;
        }
        if entry.at.zip(self.not_before).is_some_and(|(at, first)| at < first) {
            return false;
        }
        let Some(id) = id else { return true };
        let is_resumed = self.resumed.take_if(|resumed| resumed == id).is_some();
        if !is_resumed && self.is_copy(entry, id) {
            return false;
        }
        if opens(entry) {
            self.newest = self.newest.max(entry.at);
        }
        true
    }

    /// Whether history is written again: from an opening row on, or from a row that is older than the newest opening
    /// row.
    fn is_copy(&mut self, entry: &Entry, id: &str) -> bool {
        if self.known.is_none() {
            if !self.may_be_old(entry) {
                return false;
            }
            self.known = Ids::read(&self.transcript, entry.offset).ok();
        }
        self.known.as_mut().is_some_and(|known| !known.add(id))
    }

    fn may_be_old(&self, entry: &Entry) -> bool {
        let Some((at, newest)) = entry.at.zip(self.newest) else {
            return false;
        };
        match &entry.record {
            _ if entry.header.sidechain => false,
            _ if opens(entry) => at <= newest,
            Record::Assistant(_) | Record::Results { .. } | Record::Interrupt(_) => at < newest,
            _ => false,
        }
    }
}

fn opens(entry: &Entry) -> bool {
    let opens = match &entry.record {
        Record::Prompt(_) => true,
        Record::Compacted(boundary) => boundary.manual,
        _ => false,
    };
    opens && !entry.header.sidechain
}

fn id(entry: &Entry) -> Option<&str> {
    match &entry.record {
        Record::Request(request) => Some(&request.id),
        _ => entry.uuid.as_deref(),
    }
}

impl Lineage {
    /// The rows of its session, from the first row of the file on.
    pub fn own_rows(&self) -> OwnRows {
        let own_rows = OwnRows::new(self.ids.clone(), self.relatives.transcript());
        OwnRows { not_before: self.not_before, ..own_rows }
    }
}
