//! The acknowledged part of one session at one destination. The ledger owns the cursor and the pending turns, and
//! writes the cursor and the placements of turns.
//!
//! The cursor moves past a turn once all of its spans and scores are acknowledged, never earlier. It is written
//! before the first request and after each acknowledgement. If it can't be written, the spans are sent anyway: at
//! least once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use base::Timestamp;
use transcript::locate::Layout;
use transcript::{Entry, Header, Instructions};

use super::pending::{PendingTurn, PendingTurns, TurnRange};
use super::queue::{Owner, QueuedScore, QueuedSpan};
use super::upload::Receipt;
use crate::state::{
    Cursor, KnownInstructions, Mark, OpenTurn, Placement, Runs, SkipReason, SkippedRange, Store,
};
use crate::trace::SpanId;

pub(super) struct Ledger<'a> {
    pub cursor: Cursor,
    pub pending: PendingTurns,
    /// Where the environment of a run placed turns.
    pub placements: Runs<Placement>,
    /// A change must be written before the next request.
    pub is_unsaved: bool,
    /// Why state could not be written.
    pub unsaved: Option<String>,
    /// The store of the cursor; `None` if no cursor is kept.
    store: Option<&'a Store>,
    /// The store of the placements; `None` if none are kept.
    placement_store: Option<&'a Store>,
    /// The cursor as it was last written.
    saved: Option<Vec<u8>>,
    saved_placements: Runs<Placement>,
    /// Turns the cursor moved past since the last turn began.
    done: Vec<String>,
}

impl<'a> Ledger<'a> {
    /// `is_new`: the cursor was not read from the store.
    pub(super) fn new(
        cursor: Cursor,
        is_new: bool,
        placements: Runs<Placement>,
        store: Option<&'a Store>,
    ) -> Self {
        let saved = store.filter(|_| !is_new).and_then(|store| store.saved_cursor(&cursor));
        Self {
            cursor,
            pending: PendingTurns::default(),
            placements: placements.clone(),
            is_unsaved: false,
            unsaved: None,
            store,
            placement_store: store,
            saved,
            saved_placements: placements,
            done: Vec::new(),
        }
    }

    /// Stops writing the cursor until [`Self::resume_saving`]. Resending a session from its beginning must not move
    /// the stored cursor back.
    pub(super) fn suspend_saving(&mut self) {
        self.store = None;
    }

    pub(super) fn resume_saving(&mut self) {
        self.store = self.placement_store;
    }

    pub(super) fn save(&mut self) {
        self.is_unsaved = false;
        for saved in [self.save_placements(), self.save_cursor()] {
            if let Err(error) = saved {
                self.unsaved = Some(format!("{error:#}"));
            }
        }
    }

    /// Writes noted changes. Nothing may leave before they are on disk.
    pub(super) fn save_noted(&mut self) {
        if self.is_unsaved {
            self.save();
        }
    }

    fn save_cursor(&mut self) -> anyhow::Result<()> {
        let Some(store) = self.store else {
            return Ok(());
        };
        store.save_if_changed(&self.cursor, &mut self.saved)
    }

    fn save_placements(&mut self) -> anyhow::Result<()> {
        let Some(store) = self.placement_store.filter(|_| self.placements != self.saved_placements)
        else {
            return Ok(());
        };
        let Cursor { session_id, destination, .. } = &self.cursor;
        store.save_placements(session_id, destination, &self.placements)?;
        self.saved_placements = self.placements.clone();
        Ok(())
    }

    /// Notes the start directory and the file layout that a row shows.
    pub(super) fn note_row(&mut self, entry: &Entry) {
        let Header { cwd, version, .. } = &entry.header;
        if self.cursor.start_directory.is_none() {
            self.cursor.start_directory = cwd.as_ref().map(PathBuf::from);
        }
        if let Some(version) = version {
            self.cursor.layout = Some(Layout::after(self.cursor.layout, version));
        }
    }

    /// The number of the next turn, 1-based over the session's own turns.
    pub(super) fn next_number(&self) -> u64 {
        let pending = self.pending.turns.iter().filter(|turn| turn.is_numbered).count();
        self.turns_before() + pending as u64 + 1
    }

    /// The row belongs to a turn that is skipped and not being sent now.
    pub(super) fn skips(&self, row: u64) -> bool {
        let sending = match self.pending.range {
            TurnRange::Open => None,
            TurnRange::Skipped(place) => Some(place),
        };
        let mut skipped = self.cursor.skipped.iter().enumerate();
        skipped.any(|(place, range)| Some(place) != sending && range.covers(row))
            || self.pending.skips(row)
    }

    /// The mark of a span's acknowledged state.
    pub(super) fn mark(&mut self, owner: &Owner, span: &SpanId) -> Option<&mut Mark> {
        let key = self.mark_key(owner, span);
        self.marks(owner)?.get_mut(&key)
    }

    fn marks(&mut self, owner: &Owner) -> Option<&mut BTreeMap<SpanId, Mark>> {
        match owner {
            Owner::Turn(_) => Some(&mut self.cursor.acknowledged),
            Owner::Subagent(id) => Some(&mut self.cursor.subagents.get_mut(id)?.acknowledged),
        }
    }

    /// A provider that repeats an id in Anthropic's form can give two turns a span with the same id, each in its own
    /// trace.
    fn mark_key(&self, owner: &Owner, span: &SpanId) -> SpanId {
        let Owner::Turn(turn) = owner else {
            return span.clone();
        };
        let apart = SpanId::given(format!("{}/{turn}", span.as_str()));
        let is_apart = self.pending.is_held_by_other(turn, span)
            || self.cursor.acknowledged.contains_key(&apart);
        if is_apart { apart } else { span.clone() }
    }

    /// Adds the next turn of the file. Its spans follow.
    pub(super) fn begin_turn(&mut self, turn: PendingTurn) {
        let is_open = self.pending.range == TurnRange::Open;
        if let Some(range) = self.cursor.skipped.last_mut().filter(|_| is_open) {
            // A declined range lasts until the next turn opens.
            range.end = range.end.or(Some(turn.start));
        }
        self.pending.turns.push_back(turn);
        self.forget_done();
        self.advance();
    }

    /// Adds a span to the last turn: one that is on its way, or one that need not be sent.
    pub(super) fn add_span(&mut self, owner: &Owner, span: &SpanId, is_on_its_way: bool) {
        let key = self.mark_key(owner, span);
        self.pending.hold(key, is_on_its_way);
    }

    /// Adds a score to the last turn: one that is on its way, or one that need not be sent.
    pub(super) fn add_score(&mut self, id: String, is_on_its_way: bool) {
        if let Some(turn) = self.pending.last() {
            turn.scores.push(id);
            turn.unscored += usize::from(is_on_its_way);
        }
    }

    /// Lets the cursor move past the last turn although some of its spans can't be sent.
    pub(super) fn skip_turn(&mut self, reason: SkipReason) {
        if let Some(turn) = self.pending.last() {
            turn.skipped = Some(reason);
        }
    }

    /// Closes the last turn after all of its spans and scores. `next`: the offset of the next turn, if there is one.
    pub(super) fn end_turn(&mut self, next: Option<u64>) {
        if let Some(turn) = self.pending.last() {
            turn.next = next;
        }
        self.advance();
    }

    /// Records the outcome of a request.
    pub(super) fn settle(&mut self, receipt: Receipt) {
        for QueuedSpan { span_id, refusals, .. } in receipt.postponed {
            self.cursor.refused.insert(span_id, refusals);
        }
        if receipt.settled.is_empty() {
            return;
        }
        for QueuedSpan { owner, span_id, mark, .. } in receipt.settled {
            self.cursor.refused.remove(&span_id);
            let key = self.mark_key(&owner, &span_id);
            if let Some(marks) = self.marks(&owner) {
                marks.insert(key, mark);
            }
            if let Owner::Turn(uuid) = owner {
                if let Some(turn) = self.pending.find(&uuid) {
                    turn.unacknowledged = turn.unacknowledged.saturating_sub(1);
                }
                self.advance();
            }
        }
        self.delivered();
    }

    pub(super) fn settle_scores(&mut self, scores: Vec<QueuedScore>) {
        for QueuedScore { turn, score, mark } in scores {
            self.cursor.scored.insert(score.id, mark);
            if let Some(turn) = self.pending.find(&turn) {
                turn.unscored = turn.unscored.saturating_sub(1);
            }
            self.advance();
        }
        self.delivered();
    }

    /// Records the time of the delivery for `status`. The time goes into no span.
    fn delivered(&mut self) {
        self.cursor.delivered_at = Some(Timestamp::now());
        self.save();
    }

    /// Turns that can still grow or have spans on their way.
    pub(super) fn open_turns(&self) -> BTreeSet<String> {
        self.pending.turns.iter().map(|turn| turn.uuid.clone()).collect()
    }

    /// Runs per turn, not only at the end: a session may have ten thousand turns, and the cursor is written after
    /// each request. A uuid that is still pending belongs to a turn whose opening row occurs twice.
    fn forget_done(&mut self) {
        for uuid in self.done.drain(..) {
            if self.pending.turns.iter().all(|turn| turn.uuid != uuid) {
                self.cursor.forget_context(&uuid);
            }
        }
    }

    /// Moves the cursor to the first turn that is not done.
    fn advance(&mut self) {
        let is_open = self.pending.range == TurnRange::Open;
        while let Some(turn) = self.pending.turns.front() {
            let (start, open_turn) = (
                turn.start,
                OpenTurn {
                    uuid: turn.uuid.clone(),
                    at: turn.at,
                    is_behind: false,
                    is_compaction: !turn.is_numbered,
                },
            );
            let identity = turn.identity();
            let [before, behind] = turn.instructions.clone();
            self.move_to(start, 0);
            self.note_instructions(start, &before);
            match self.pending.range {
                TurnRange::Open => {
                    let before = self.cursor.open_turn.replace(open_turn);
                    let is_same = before.is_some_and(|before| before.uuid == identity.uuid);
                    self.cursor.open_since = self.cursor.open_since.filter(|_| is_same);
                }
                TurnRange::Skipped(place) => {
                    let range = self.cursor.skipped.get_mut(place);
                    if let Some([first, _]) = range.and_then(|range| range.turns.as_mut()) {
                        *first = identity;
                    }
                }
            }
            let Some((turn, next)) = self.pending.pop_done() else {
                break;
            };
            match turn.skipped {
                // Its range was added when the turn was forgotten.
                Some(SkipReason::Forgotten) => {}
                // The marks stay: a later replay of the rest must not resend acknowledged spans.
                Some(reason) => {
                    let turns_before = self.turns_before();
                    skip(&mut self.cursor, &turn, next, turns_before, reason);
                }
                None => {
                    let Cursor { acknowledged, scored, .. } = &mut self.cursor;
                    turn.spans.iter().for_each(|span| drop(acknowledged.remove(span)));
                    turn.scores.iter().for_each(|score| drop(scored.remove(score)));
                }
            }
            self.done.push(turn.uuid);
            self.move_to(next, u64::from(turn.is_numbered));
            self.note_instructions(next, &behind);
            if let Some(open) = self.cursor.open_turn.as_mut().filter(|_| is_open) {
                open.is_behind = true;
            }
        }
    }

    /// The number of own turns before the first pending one.
    fn turns_before(&self) -> u64 {
        match self.pending.range {
            TurnRange::Open => self.cursor.turns_before,
            TurnRange::Skipped(place) => {
                self.cursor.skipped.get(place).map_or(0, |range| range.turns_before)
            }
        }
    }

    /// Stores the instructions that rows name before the cursor's new offset.
    fn note_instructions(&mut self, until: u64, named: &Instructions) {
        let is_there = self.pending.range == TurnRange::Open && self.cursor.open_start == until;
        match &mut self.cursor.instructions {
            _ if !is_there => {}
            Some(known) if known.until == until => {}
            Some(known) if known.named == *named => known.until = until,
            known => *known = Some(KnownInstructions { until, named: named.clone() }),
        }
    }

    fn move_to(&mut self, offset: u64, turns: u64) {
        let Cursor { open_start, turns_before, skipped, .. } = &mut self.cursor;
        let (place, count) = match self.pending.range {
            TurnRange::Open => (open_start, turns_before),
            TurnRange::Skipped(place) => match skipped.get_mut(place) {
                Some(range) => (&mut range.start, &mut range.turns_before),
                None => return,
            },
        };
        *place = (*place).max(offset);
        *count += turns;
    }
}

/// Adds a skipped turn to the cursor's ranges before the cursor moves past the turn.
fn skip(cursor: &mut Cursor, turn: &PendingTurn, next: u64, turns_before: u64, why: SkipReason) {
    let identity = turn.identity();
    match cursor.skipped.last_mut() {
        Some(last) if last.end == Some(turn.start) && last.why == why => {
            last.end = Some(next);
            if let Some([_, last]) = &mut last.turns {
                *last = identity;
            }
        }
        _ => cursor.skipped.push(SkippedRange {
            start: turn.start,
            end: Some(next),
            turns_before,
            why,
            turns: Some([identity.clone(), identity]),
        }),
    }
}
