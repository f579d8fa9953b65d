//! The turns between the cursor and the end of the file, and which of their spans are still to be acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use base::Timestamp;
use transcript::{Instructions, TurnInstructions};

use crate::state::{SkipReason, TurnIdentity};
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
    /// The marks of all spans of the turn, acknowledged before or not.
    pub spans: Vec<SpanId>,
    /// How many spans are on their way.
    pub unacknowledged: usize,
    /// All scores of the turn, by their ids.
    pub scores: Vec<String>,
    /// How many scores are on their way.
    pub unscored: usize,
    /// The instructions in effect where it starts, and where the next one does.
    pub instructions: [Rc<Instructions>; 2],
}

impl PendingTurn {
    pub(super) fn new(
        uuid: &str,
        at: Timestamp,
        start: u64,
        instructions: &TurnInstructions,
    ) -> Self {
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
            instructions: [Rc::clone(&instructions.before), Rc::clone(&instructions.behind)],
        }
    }

    pub(super) fn identity(&self) -> TurnIdentity {
        TurnIdentity { uuid: self.uuid.clone(), at: self.at }
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
    /// The turn of each of their marks.
    holders: BTreeMap<SpanId, Rc<str>>,
}

impl PendingTurns {
    pub(super) fn of(range: TurnRange) -> Self {
        Self { range, ..Self::default() }
    }

    pub(super) fn last(&mut self) -> Option<&mut PendingTurn> {
        self.turns.back_mut()
    }

    pub(super) fn find(&mut self, uuid: &str) -> Option<&mut PendingTurn> {
        self.turns.iter_mut().find(|turn| turn.uuid == uuid)
    }

    /// Another turn has the mark of this span.
    pub(super) fn is_held_by_other(&self, turn: &str, span: &SpanId) -> bool {
        self.holders.get(span).is_some_and(|holder| **holder != *turn)
    }

    /// Adds a span to the last turn, by the key of its mark.
    pub(super) fn hold(&mut self, mark: SpanId, is_on_its_way: bool) {
        if let Some(turn) = self.turns.back_mut() {
            self.holders.entry(mark.clone()).or_insert_with(|| Rc::from(&*turn.uuid));
            turn.spans.push(mark);
            turn.unacknowledged += usize::from(is_on_its_way);
        }
    }

    /// The turn's spans are acknowledged: it may be scored.
    pub(super) fn is_acknowledged(&self, uuid: &str) -> bool {
        self.turns.iter().any(|turn| turn.uuid == uuid && turn.unacknowledged == 0)
    }

    /// A row belongs to a turn that is skipped.
    pub(super) fn skips(&self, row: u64) -> bool {
        let holds =
            |turn: &PendingTurn| turn.start <= row && turn.next.is_none_or(|next| row < next);
        self.turns.iter().any(|turn| turn.skipped.is_some() && holds(turn))
    }

    pub(super) fn is_done(&self) -> bool {
        self.turns.iter().all(PendingTurn::is_done)
    }

    /// Takes the first turn if the cursor may move past it; gives where the next one starts.
    pub(super) fn pop_done(&mut self) -> Option<(PendingTurn, u64)> {
        let first = self.turns.front().filter(|turn| turn.is_done())?;
        let next = first.next?;
        let first = self.turns.pop_front()?;
        first.spans.iter().for_each(|span| drop(self.holders.remove(span)));
        Some((first, next))
    }
}
