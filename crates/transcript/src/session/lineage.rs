//! The parent of a forked session, and the turns that were copied from it. They belong to the parent and are never sent from
//! the copy.

use std::path::PathBuf;

use base::Timestamp;

use crate::scan::{self, Field};
use crate::{Entry, Record};

/// Watches all rows of a file to find where the session's own turns begin.
#[derive(Clone, Debug)]
pub struct Lineage {
    session: String,
    /// Turns whose opening row starts before this offset are inherited.
    pub own_from: u64,
    /// The session that had them first.
    pub parent: Option<String>,
    /// The directory in which the session was started.
    pub start_directory: Option<PathBuf>,
    queued_at: Option<Timestamp>,
    in_copied_run: bool,
    session_ids: Field,
    forked: Field,
}

impl Lineage {
    /// Starts for the session that the file belongs to.
    pub fn new(session: impl Into<String>) -> Self {
        Self {
            session: session.into(),
            own_from: 0,
            parent: None,
            start_directory: None,
            queued_at: None,
            in_copied_run: true,
            // The end of `sessionId` and of `requestSessionId`.
            session_ids: Field::new(b"essionId\""),
            forked: Field::new(b"\"forkedFrom\""),
        }
    }

    /// Whether a row, by its bytes, may change the lineage: any row at the beginning of the file, later only rows that name
    /// another session. Nearly all other rows need not be parsed for it.
    pub fn may_grow_by(&self, row: &[u8]) -> bool {
        self.in_copied_run || self.start_directory.is_none() || self.may_be_foreign(row)
    }

    /// A row that names another session, or that says it was copied.
    pub(crate) fn may_be_foreign(&self, row: &[u8]) -> bool {
        let is_own = |id: &[u8]| scan::text(id) == Some(self.session.as_bytes());
        !self.session_ids.values(row).all(is_own) || self.forked.values(row).next().is_some()
    }

    /// Takes the next row.
    pub fn observe(&mut self, entry: &Entry) {
        let header = &entry.header;
        if self.start_directory.is_none() {
            self.start_directory = header.cwd.as_ref().map(PathBuf::from);
        }
        let foreign = |id: &Option<String>| id.clone().filter(|id| *id != self.session);
        let parent = foreign(&header.request_session_id).or_else(|| foreign(&header.session_id));
        if header.forked || parent.is_some() {
            self.own_from = entry.end;
            self.parent = parent.or(self.parent.take());
            return;
        }
        match &entry.record {
            Record::Queued | Record::Notified(_) => self.queued_at = self.queued_at.max(entry.at),
            Record::Prompt(prompt) if self.in_copied_run && !prompt.tentative => {
                // 2.1.330's --fork-session marks only answers; but it queues the new prompt before it copies the old.
                match self.queued_at.zip(entry.at) {
                    Some((queued, at)) if at < queued => self.own_from = entry.end,
                    _ => self.in_copied_run = false,
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::Lineage;
    use crate::{Entry, Header, Prompt, Record};

    fn row(offset: u64, at: u64, header: Header, record: Record) -> Entry {
        Entry {
            offset,
            end: offset + 10,
            at: Some(Timestamp::from_millis(at)),
            uuid: None,
            header,
            record,
        }
    }

    fn own() -> Header {
        Header { session_id: Some("mine".to_owned()), ..Header::default() }
    }

    fn prompt() -> Record {
        Record::Prompt(Prompt::default())
    }

    fn own_from(rows: &[Entry]) -> u64 {
        let mut lineage = Lineage::new("mine");
        rows.iter().for_each(|row| lineage.observe(row));
        lineage.own_from
    }

    #[test]
    fn after_the_beginning_only_rows_of_another_session_are_read() {
        let mut lineage = Lineage::new("mine");
        let own_row = br#"{"type":"user","sessionId":"mine","text":"of \"sessionId\":\"x\""}"#;
        assert!(lineage.may_grow_by(own_row), "it may be the first prompt");
        let mut header = own();
        header.cwd = Some("/".to_owned());
        lineage.observe(&row(0, 1, header, prompt()));
        assert!(!lineage.may_grow_by(own_row));
        for foreign in [
            r#"{"sessionId":"mine","requestSessionId":"other"}"#,
            r#"{"sessionId":"mine2"}"#,
            r#"{"sessionId" : "other"}"#,
            r#"{"sessionId":"mine","forkedFrom":{}}"#,
        ] {
            assert!(lineage.may_grow_by(foreign.as_bytes()), "{foreign}");
        }
    }

    #[test]
    fn a_session_that_was_not_forked_owns_all_its_turns() {
        let rows = [row(0, 1, own(), Record::Queued), row(10, 2, own(), prompt())];
        assert_eq!(own_from(&rows), 0);
    }

    #[test]
    fn all_before_the_last_row_of_another_session_is_inherited() {
        let asked_by_other = Header { request_session_id: Some("other".to_owned()), ..own() };
        let of_other = Header { session_id: Some("other".to_owned()), ..Header::default() };
        let marked = Header { forked: true, ..own() };
        for foreign in [asked_by_other, of_other, marked] {
            let rows = [
                row(0, 1, own(), prompt()),
                row(10, 2, foreign.clone(), Record::StopHooks),
                row(20, 3, own(), prompt()),
            ];
            assert_eq!(own_from(&rows), 20, "{foreign:?}");
        }
    }

    #[test]
    fn a_prompt_older_than_the_queue_above_it_was_copied_until_the_first_own_one() {
        let copied_then_own = [
            row(0, 100, own(), Record::Queued),
            row(10, 1, own(), prompt()),
            row(20, 101, own(), prompt()),
        ];
        assert_eq!(own_from(&copied_then_own), 20);
        let queued_later = [
            row(0, 1, own(), prompt()),
            row(10, 100, own(), Record::Queued),
            row(20, 50, own(), prompt()),
        ];
        assert_eq!(own_from(&queued_later), 0, "the run of copies is over");
    }
}
