//! Turns that were skipped, where a person asks for them.

use anyhow::Result;
use transcript::session::Turns;

use super::pending::{PendingTurns, TurnRange};
use super::run::Delivery;
use super::tail::TailReader;

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
        while let Some((start, Some(end))) =
            self.ledger.cursor.skipped.get(place).map(|range| (range.start, range.end))
        {
            if start == end {
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
