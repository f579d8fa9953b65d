//! The turns between the cursor and the end of the file, and which of their spans are still to be acknowledged.

use std::collections::VecDeque;

use base::Timestamp;

use crate::state::SkipReason;
use crate::trace::SpanId;

/// A turn of which something may be on its way.
pub(super) struct PendingTurn {
    pub uuid: String,
    pub at: Timestamp,
    pub start: u64,
    /// Where the next turn starts, once there is one and all spans of this one are known.
    pub next: Option<u64>,
    /// It is a turn, not a compaction between turns.
    pub is_numbered: bool,
    /// Why it is not sent, but by an explicit replay.
    pub skipped: Option<SkipReason>,
    /// All spans of the turn, acknowledged before or not.
    pub spans: Vec<SpanId>,
    /// How many spans are on their way.
    pub unacknowledged: usize,
    /// All scores of the turn, by their ids.
    pub scores: Vec<String>,
    /// How many scores are on their way.
    pub unscored: usize,
}

impl PendingTurn {
    pub(super) fn new(uuid: &str, at: Timestamp, start: u64) -> Self {
        Self {
            uuid: uuid.to_owned(),
            at,
            start,
            next: None,
            is_numbered: true,
            skipped: None,
            spans: Vec::new(),
            unacknowledged: 0,
            scores: Vec::new(),
            unscored: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.unacknowledged == 0 && self.unscored == 0
    }
}

/// Which part of the cursor the turns belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TurnRange {
    /// From the open turn on.
    #[default]
    Open,
    /// A skipped range, by its place among them.
    Skipped(usize),
}

/// Pending turns in file order.
#[derive(Default)]
pub(super) struct PendingTurns {
    pub range: TurnRange,
    pub turns: VecDeque<PendingTurn>,
}

impl PendingTurns {
    pub(super) fn of(range: TurnRange) -> Self {
        Self { range, turns: VecDeque::new() }
    }

    pub(super) fn last(&mut self) -> Option<&mut PendingTurn> {
        self.turns.back_mut()
    }

    pub(super) fn find(&mut self, uuid: &str) -> Option<&mut PendingTurn> {
        self.turns.iter_mut().find(|turn| turn.uuid == uuid)
    }

    /// The turn's spans are acknowledged: it may be scored.
    pub(super) fn is_acknowledged(&self, uuid: &str) -> bool {
        self.turns.iter().any(|turn| turn.uuid == uuid && turn.unacknowledged == 0)
    }

    pub(super) fn is_done(&self) -> bool {
        self.turns.iter().all(PendingTurn::is_done)
    }

    /// Takes the first turn if the cursor may move past it; gives where the next one starts.
    pub(super) fn pop_done(&mut self) -> Option<(PendingTurn, u64)> {
        let first = self.turns.front().filter(|turn| turn.is_done())?;
        let next = first.next?;
        Some((self.turns.pop_front()?, next))
    }
}
