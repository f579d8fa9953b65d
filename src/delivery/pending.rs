//! The turns between the cursor and the end of the file, with their unacknowledged spans.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use base::Timestamp;
use transcript::{Instructions, TurnInstructions};

use crate::state::{SkipReason, TurnIdentity};
use crate::trace::SpanId;

/// A turn that may have spans on their way.
pub(super) struct PendingTurn {
    pub uuid: String,
    pub at: Timestamp,
    pub start: u64,
    /// The offset of the next turn, once all spans of this one are known.
    pub next: Option<u64>,
    /// It is a turn, not a compaction between turns.
    pub is_numbered: bool,
    /// Why only an explicit replay sends it.
    pub skipped: Option<SkipReason>,
    /// The marks of all spans of the turn, acknowledged or not.
    pub spans: Vec<SpanId>,
    /// The number of spans on their way.
    pub unacknowledged: usize,
    /// The ids of all scores of the turn.
    pub scores: Vec<String>,
    /// The number of scores on their way.
    pub unscored: usize,
    /// The instructions in effect at its start and at the start of the next turn.
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

/// The part of the cursor that the turns belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TurnRange {
    /// From the open turn on.
    #[default]
    Open,
    /// The skipped range at this position.
    Skipped(usize),
}

/// Pending turns in file order.
#[derive(Default)]
pub(super) struct PendingTurns {
    pub range: TurnRange,
    pub turns: VecDeque<PendingTurn>,
    /// The turn of each mark.
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

    /// Adds a span to the last turn, under the key of its mark.
    pub(super) fn hold(&mut self, mark: SpanId, is_on_its_way: bool) {
        if let Some(turn) = self.turns.back_mut() {
            self.holders.entry(mark.clone()).or_insert_with(|| Rc::from(&*turn.uuid));
            turn.spans.push(mark);
            turn.unacknowledged += usize::from(is_on_its_way);
        }
    }

    /// All spans of the turn are acknowledged, so that its scores may be sent.
    pub(super) fn is_acknowledged(&self, uuid: &str) -> bool {
        self.turns.iter().any(|turn| turn.uuid == uuid && turn.unacknowledged == 0)
    }

    /// The row belongs to a skipped turn.
    pub(super) fn skips(&self, row: u64) -> bool {
        let holds =
            |turn: &PendingTurn| turn.start <= row && turn.next.is_none_or(|next| row < next);
        self.turns.iter().any(|turn| turn.skipped.is_some() && holds(turn))
    }

    pub(super) fn is_done(&self) -> bool {
        self.turns.iter().all(PendingTurn::is_done)
    }

    /// Removes the first turn if the cursor may move past it. Returns it with the offset of the next one.
    pub(super) fn pop_done(&mut self) -> Option<(PendingTurn, u64)> {
        let first = self.turns.front().filter(|turn| turn.is_done())?;
        let next = first.next?;
        let first = self.turns.pop_front()?;
        first.spans.iter().for_each(|span| drop(self.holders.remove(span)));
        Some((first, next))
    }
}
