//! The turns between the cursor and the end of the file, and which of their spans are still to be acknowledged. The
//! cursor moves past a turn when all of it is, and never past one that is not.

use std::collections::{BTreeSet, VecDeque};

use base::Timestamp;

use crate::state::{Cursor, OpenTurn, SkipReason, SkippedRange};
use crate::trace::SpanId;

/// A turn on its way.
pub(super) struct Step {
    pub uuid: String,
    pub at: Timestamp,
    pub start: u64,
    /// Where the next turn starts, once there is one and all spans of this one are known.
    pub next: Option<u64>,
    /// It is a turn, not a compaction beside them.
    pub numbered: bool,
    /// Why it is not sent, but by an explicit replay.
    pub skipped: Option<SkipReason>,
    /// All spans of the turn, acknowledged before or not.
    pub spans: Vec<SpanId>,
    /// How many are on their way.
    pub outstanding: usize,
    /// All scores of the turn, by their ids.
    pub scores: Vec<String>,
    /// How many of them are on their way.
    pub unscored: usize,
}

impl Step {
    fn is_done(&self) -> bool {
        self.outstanding == 0 && self.unscored == 0
    }
}

/// Which part of the cursor the turns belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// From the open turn on.
    Open,
    /// A range that was passed over, by its place among them.
    SkippedRange(usize),
}

/// Turns on their way, in file order.
pub(super) struct Track {
    part: Part,
    steps: VecDeque<Step>,
    /// Turns that the cursor moved past since the last one began.
    done: Vec<String>,
}

impl Track {
    pub(super) fn new(part: Part) -> Self {
        Self { part, steps: VecDeque::new(), done: Vec::new() }
    }

    /// The number of the turn that comes next, 1-based over the session's own turns.
    pub(super) fn next_number(&self, cursor: &Cursor) -> u64 {
        let before = match self.part {
            Part::Open => cursor.turns_before,
            Part::SkippedRange(place) => {
                (cursor.skipped.get(place)).map_or(0, |range| range.turns_before)
            }
        };
        before + self.steps.iter().filter(|step| step.numbered).count() as u64 + 1
    }

    /// Adds the next turn of the file. Its spans follow, one by one.
    pub(super) fn begin(&mut self, step: Step, cursor: &mut Cursor) {
        if let Some(range) = cursor.skipped.last_mut().filter(|_| self.part == Part::Open) {
            // What was declined lasts until the next turn opens.
            range.end = range.end.or(Some(step.start));
        }
        self.steps.push_back(step);
        self.forget_done(cursor);
        self.advance(cursor);
    }

    /// Not only at the end: a session may have ten thousand turns, and the cursor is written after each request. A turn whose
    /// opening row stands there twice is the same one once more.
    fn forget_done(&mut self, cursor: &mut Cursor) {
        for uuid in self.done.drain(..) {
            if self.steps.iter().all(|step| step.uuid != uuid) {
                cursor.forget_context(&uuid);
            }
        }
    }

    /// Takes note of a span of the last turn; it is on its way, or need not be sent.
    pub(super) fn add(&mut self, span: SpanId, is_on_its_way: bool) {
        if let Some(step) = self.steps.back_mut() {
            step.spans.push(span);
            step.outstanding += usize::from(is_on_its_way);
        }
    }

    /// Something of the last turn can't be sent: the cursor moves past it without.
    pub(super) fn skip(&mut self, why: SkipReason) {
        if let Some(step) = self.steps.back_mut() {
            step.skipped = Some(why);
        }
    }

    /// Takes note of a score of the last turn; it is on its way, or need not be sent.
    pub(super) fn add_score(&mut self, id: String, is_on_its_way: bool) {
        if let Some(step) = self.steps.back_mut() {
            step.scores.push(id);
            step.unscored += usize::from(is_on_its_way);
        }
    }

    /// All spans and scores of the last turn were added; where the next one starts, once there is one.
    pub(super) fn close(&mut self, next: Option<u64>, cursor: &mut Cursor) {
        if let Some(step) = self.steps.back_mut() {
            step.next = next;
        }
        self.advance(cursor);
    }

    /// Takes note of an acknowledged span.
    pub(super) fn acknowledged(&mut self, uuid: &str, cursor: &mut Cursor) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.uuid == uuid) {
            step.outstanding = step.outstanding.saturating_sub(1);
        }
        self.advance(cursor);
    }

    /// Takes note of an acknowledged score.
    pub(super) fn scored(&mut self, uuid: &str, cursor: &mut Cursor) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.uuid == uuid) {
            step.unscored = step.unscored.saturating_sub(1);
        }
        self.advance(cursor);
    }

    /// The turn's spans are acknowledged: it may be scored.
    pub(super) fn is_there(&self, uuid: &str) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| step.uuid == uuid && step.outstanding == 0)
    }

    /// Turns that can still grow or have spans on their way.
    pub(super) fn open(&self) -> BTreeSet<String> {
        self.steps.iter().map(|step| step.uuid.clone()).collect()
    }

    /// Everything of these turns is acknowledged.
    pub(super) fn is_done(&self) -> bool {
        self.steps.iter().all(Step::is_done)
    }

    fn advance(&mut self, cursor: &mut Cursor) {
        while let Some(step) = self.steps.front() {
            let start = step.start;
            let finished = step.next.filter(|_| step.is_done());
            self.place(cursor, start, 0);
            if self.part == Part::Open {
                cursor.open_turn = Some(OpenTurn {
                    uuid: step.uuid.clone(),
                    at: step.at,
                    is_behind: false,
                    is_compaction: !step.numbered,
                });
            }
            let Some(next) = finished else { break };
            let numbered = u64::from(step.numbered);
            match step.skipped {
                // Of what was sent before nothing goes out again when a replay sends the rest.
                Some(why) => pass_over(cursor, start, next, why),
                None => {
                    for span in &step.spans {
                        cursor.acknowledged.remove(span);
                    }
                    for score in &step.scores {
                        cursor.scored.remove(score);
                    }
                }
            }
            self.done.extend(self.steps.pop_front().map(|step| step.uuid));
            self.place(cursor, next, numbered);
            if self.part == Part::Open
                && let Some(open) = &mut cursor.open_turn
            {
                open.is_behind = true;
            }
        }
    }

    fn place(&self, cursor: &mut Cursor, offset: u64, turns: u64) {
        match self.part {
            Part::Open => {
                cursor.open_start = cursor.open_start.max(offset);
                cursor.turns_before += turns;
            }
            Part::SkippedRange(place) => {
                if let Some(range) = cursor.skipped.get_mut(place) {
                    range.start = range.start.max(offset);
                    range.turns_before += turns;
                }
            }
        }
    }
}

/// Notes a skipped turn before the cursor moves past it.
fn pass_over(cursor: &mut Cursor, start: u64, next: u64, why: SkipReason) {
    match cursor.skipped.last_mut() {
        Some(last) if last.end == Some(start) && last.why == why => last.end = Some(next),
        _ => cursor.skipped.push(SkippedRange {
            start,
            end: Some(next),
            turns_before: cursor.turns_before,
            why,
        }),
    }
}
