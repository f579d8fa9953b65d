//! Spans on their way, in requests of a size that the link can take.

use std::collections::VecDeque;

use crate::langfuse::{Body, export, export_overhead};
use crate::score::Score;
use crate::state::Mark;
use crate::trace::{Digest, SpanId, TraceId};

/// The largest request before compression; proxies and servers take more, but not all.
pub const MAX_REQUEST_BYTES: usize = 3 * 1024 * 1024;

/// Conversations hardly ever compress better.
const BEST_RATIO: usize = 12;

/// Who keeps the books of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A turn, by its opening row's uuid.
    Turn(String),
    /// An agent.
    Subagent(String),
}

/// One encoded span.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub owner: Owner,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// What is kept of it once it is acknowledged.
    pub mark: Mark,
    pub encoded: String,
    pub is_turn: bool,
}

/// A score of a turn, with what is kept of it once it is acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    /// The turn, by its opening row's uuid.
    pub turn: String,
    pub score: Score,
    pub mark: Digest,
}

/// A request and what it carries.
pub(super) struct Batch {
    pub items: Vec<Item>,
    pub raw: String,
    pub body: Body,
}

/// Spans that wait for their request.
#[derive(Default)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    bytes: usize,
    /// Scores go after the spans of their turns.
    pub scores: Vec<Scored>,
}

impl Outbox {
    pub(super) fn push(&mut self, item: Item) {
        self.bytes += item.encoded.len() + 1;
        self.items.push_back(item);
    }

    /// A request's worth waits, also where `wire_limit` counts what is left of it after compression.
    pub(super) fn is_full(&self, wire_limit: Option<usize>) -> bool {
        let wanted = wire_limit.map_or(MAX_REQUEST_BYTES, |limit| limit.saturating_mul(BEST_RATIO));
        self.bytes >= wanted.min(MAX_REQUEST_BYTES)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next request: as many spans as fit before compression and, if there is a limit, after it; at least one.
    pub(super) fn next_batch(&mut self, wire_limit: Option<usize>) -> Option<Batch> {
        if self.items.is_empty() {
            return None;
        }
        let mut count = self.count_that_fits();
        loop {
            let raw = export(self.items.iter().take(count).map(|item| item.encoded.as_str()));
            let body = Body::new(raw.as_bytes());
            if count > 1 && wire_limit.is_some_and(|limit| body.wire_len() > limit) {
                count = count.div_ceil(2);
                continue;
            }
            let items: Vec<Item> = self.items.drain(..count).collect();
            self.bytes -= items.iter().map(|item| item.encoded.len() + 1).sum::<usize>();
            return Some(Batch { items, raw, body });
        }
    }

    fn count_that_fits(&self) -> usize {
        let mut room = MAX_REQUEST_BYTES.saturating_sub(export_overhead());
        let mut count = 0;
        for item in &self.items {
            let size = item.encoded.len() + 1;
            if size > room && count > 0 {
                break;
            }
            room = room.saturating_sub(size);
            count += 1;
        }
        count
    }
}

/// A refused request, taken apart.
pub(super) enum Parts {
    /// Both halves, to be sent by themselves.
    Halves([Batch; 2]),
    /// A single span can't be divided further.
    Single(Box<Item>),
    /// There was nothing in it.
    Nothing,
}

/// Takes a refused request apart.
pub(super) fn split(batch: Batch) -> Parts {
    let mut first = batch.items;
    let second = first.split_off(first.len().div_ceil(2));
    if !second.is_empty() {
        return Parts::Halves([pack(first), pack(second)]);
    }
    first.pop().map_or(Parts::Nothing, |item| Parts::Single(Box::new(item)))
}

/// A request of these spans.
pub(super) fn pack(items: Vec<Item>) -> Batch {
    let raw = export(items.iter().map(|item| item.encoded.as_str()));
    let body = Body::new(raw.as_bytes());
    Batch { items, raw, body }
}
