//! Turns that were skipped, where a person asks for them.

use anyhow::Result;
use transcript::session::Turns;

use super::pending::{PendingTurns, TurnRange};
use super::run::Delivery;
use super::tail::TailReader;
use crate::state::SkipReason;

impl Delivery<'_> {
    /// What was declined in the middle goes on where it began.
    pub(super) fn reopen_declined(&mut self) {
        if let Some(last) = self.ledger.cursor.skipped.pop_if(|last| last.end.is_none()) {
            self.ledger.cursor.open_start = last.start;
            self.ledger.cursor.turns_before = last.turns_before;
        }
    }

    /// Sends what was skipped, range by range. A range of which something can't be sent stays.
    pub(super) fn skipped_ranges(&mut self) -> Result<()> {
        let mut place = 0;
        while let Some(range) = self.ledger.cursor.skipped.get(place) {
            let start = range.start;
            let is_declined = range.why == SkipReason::Declined && !self.job.sends_declined();
            let end = range.end.or(is_declined.then_some(self.ledger.cursor.open_start));
            let Some(end) = end else {
                break;
            };
            if start == end || is_declined {
                self.declined += self.turns_within(start, end)?;
                place += 1;
                continue;
            }
            self.ledger.pending = PendingTurns::of(TurnRange::Skipped(place));
            self.terms.begin_walk(None);
            self.skipped_range(start, end)?;
            self.send();
            if self.uploader.is_stopped() {
                break;
            }
            match self.ledger.pending.is_done() {
                true => drop(self.ledger.cursor.skipped.remove(place)),
                false => place += 1,
            }
            self.ledger.save();
        }
        self.ledger.pending = PendingTurns::default();
        self.begin_open_walk();
        Ok(())
    }

    fn turns_within(&self, start: u64, end: u64) -> Result<usize> {
        let rows = self.rows_of_session();
        let feed = TailReader::open(&self.job.transcript, start, None)?.of_session(rows);
        let mut turns = Turns::default();
        let mut count = 0;
        for entry in feed {
            let entry = entry?;
            if entry.offset >= end {
                break;
            }
            count += usize::from(turns.push(entry).is_some_and(|turn| turn.is_numbered()));
        }
        Ok(count + usize::from(turns.finish().is_some_and(|turn| turn.is_numbered())))
    }

    fn skipped_range(&mut self, start: u64, end: u64) -> Result<()> {
        let mut turns = Turns::default();
        let feed =
            TailReader::open(&self.job.transcript, start, None)?.of_session(self.rows_of_session());
        for entry in feed.keeping(self.job.policy.max_chars) {
            let entry = entry?;
            self.notice(&entry);
            let Some(turn) = turns.push(entry) else {
                continue;
            };
            if turn.start < end {
                self.take_turn(&turn, true);
            }
            if turn.end >= end || self.uploader.is_stopped() {
                break;
            }
        }
        Ok(())
    }
}
