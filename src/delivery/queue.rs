//! Queued spans, and batches of them in a size that the link can carry.

use std::collections::VecDeque;

use crate::langfuse::{Body, export, export_overhead};
use crate::score::Score;
use crate::state::Mark;
use crate::trace::{Digest, SpanId, TraceId};

/// The largest request before compression. Proxies and servers accept more, but not all of them.
pub const MAX_REQUEST_BYTES: usize = 3 * 1024 * 1024;

/// Conversations hardly ever compress better.
const BEST_RATIO: usize = 12;

/// The part of the ledger that a span belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A turn, by the uuid of its opening row.
    Turn(String),
    /// An agent or a workflow run, by its id.
    Subagent(String),
}

/// One encoded span.
#[derive(Clone, Debug)]
pub(super) struct QueuedSpan {
    pub owner: Owner,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// Kept once the span is acknowledged.
    pub mark: Mark,
    pub encoded: String,
    pub is_turn: bool,
    /// The number of runs in which the server refused it.
    pub refusals: u8,
}

/// A score of a turn.
#[derive(Clone, Debug)]
pub(super) struct QueuedScore {
    /// The turn, by the uuid of its opening row.
    pub turn: String,
    pub score: Score,
    /// Kept once the score is acknowledged.
    pub mark: Digest,
}

/// A request with its spans.
pub(super) struct Batch {
    pub spans: Vec<QueuedSpan>,
    pub raw: String,
    pub body: Body,
}

impl Batch {
    pub(super) fn of(spans: Vec<QueuedSpan>) -> Self {
        let (raw, body) = request(spans.iter());
        Self { spans, raw, body }
    }
}

fn request<'a>(spans: impl Iterator<Item = &'a QueuedSpan>) -> (String, Body) {
    let raw = export(spans.map(|span| span.encoded.as_str()));
    let body = Body::new(raw.as_bytes());
    (raw, body)
}

#[derive(Default)]
pub(super) struct ExportQueue {
    spans: VecDeque<QueuedSpan>,
    bytes: usize,
    /// Scores are sent after the spans of their turns.
    pub scores: Vec<QueuedScore>,
}

impl ExportQueue {
    pub(super) fn push(&mut self, span: QueuedSpan) {
        self.bytes += span.encoded.len() + 1;
        self.spans.push_back(span);
    }

    /// Enough spans for a request are queued, even where `wire_limit` counts compressed bytes.
    pub(super) fn is_full(&self, wire_limit: Option<usize>) -> bool {
        let wanted = wire_limit.map_or(MAX_REQUEST_BYTES, |limit| limit.saturating_mul(BEST_RATIO));
        self.bytes >= wanted.min(MAX_REQUEST_BYTES)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the next request: as many spans as fit before compression and, with a limit, after it. At least one.
    pub(super) fn next_batch(&mut self, wire_limit: Option<usize>) -> Option<Batch> {
        let mut count = self.count_that_fits();
        while count > 0 {
            let (raw, body) = request(self.spans.iter().take(count));
            if count > 1 && wire_limit.is_some_and(|limit| body.wire_len() > limit) {
                count = count.div_ceil(2);
                continue;
            }
            let spans: Vec<QueuedSpan> = self.spans.drain(..count).collect();
            self.bytes -= spans.iter().map(|span| span.encoded.len() + 1).sum::<usize>();
            return Some(Batch { spans, raw, body });
        }
        None
    }

    fn count_that_fits(&self) -> usize {
        let mut budget = MAX_REQUEST_BYTES.saturating_sub(export_overhead());
        let fits = |span: &&QueuedSpan| {
            let size = span.encoded.len() + 1;
            let fits = size <= budget;
            budget = budget.saturating_sub(size);
            fits
        };
        let count = self.spans.iter().take_while(fits).count();
        count.max(1).min(self.spans.len())
    }

    /// Takes at most `count` scores whose turns are ready.
    pub(super) fn take_scores(
        &mut self,
        count: usize,
        is_ready: impl Fn(&str) -> bool,
    ) -> Vec<QueuedScore> {
        let (ready, waiting) =
            std::mem::take(&mut self.scores).into_iter().partition(|queued| is_ready(&queued.turn));
        let mut ready: Vec<QueuedScore> = ready;
        self.scores = ready.split_off(count.min(ready.len()));
        self.scores.extend::<Vec<QueuedScore>>(waiting);
        ready
    }
}

/// The parts of a refused request.
pub(super) enum Parts {
    /// Both halves, to be sent separately.
    Halves([Batch; 2]),
    /// A single span can't be divided further.
    Single(Box<QueuedSpan>),
    /// The request was empty.
    Nothing,
}

pub(super) fn split(batch: Batch) -> Parts {
    let mut first = batch.spans;
    let second = first.split_off(first.len().div_ceil(2));
    if !second.is_empty() {
        return Parts::Halves([Batch::of(first), Batch::of(second)]);
    }
    first.pop().map_or(Parts::Nothing, |span| Parts::Single(Box::new(span)))
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::{ExportQueue, Owner, Parts, QueuedSpan, split};
    use crate::state::Mark;
    use crate::trace::{SpanId, TraceId};

    fn span(number: usize, bytes: usize) -> QueuedSpan {
        QueuedSpan {
            owner: Owner::Turn("turn".to_owned()),
            trace_id: TraceId::of_seed("turn"),
            span_id: SpanId::given(number.to_string()),
            mark: Mark::Call { start: Some(Timestamp::from_millis(1)), rows: 1, place: None },
            encoded: (0_u32..).take(bytes).filter_map(|at| char::from_digit(at % 36, 36)).collect(),
            is_turn: false,
            refusals: 0,
        }
    }

    fn batches(sizes: &[usize], wire_limit: Option<usize>) -> Vec<usize> {
        let mut queue = ExportQueue::default();
        sizes.iter().enumerate().for_each(|(number, bytes)| queue.push(span(number, *bytes)));
        std::iter::from_fn(|| queue.next_batch(wire_limit)).map(|batch| batch.spans.len()).collect()
    }

    #[test]
    fn a_request_holds_what_fits_and_at_least_one_span() {
        assert_eq!(batches(&[], None), [0; 0]);
        assert_eq!(batches(&[10, 10, 10], None), [3]);
        assert_eq!(batches(&[2_000_000, 2_000_000], None), [1, 1]);
        assert_eq!(batches(&[4_000_000, 10], None), [1, 1]);
        assert_eq!(batches(&[1000; 4], Some(1)), [1, 1, 1, 1]);
    }

    #[test]
    fn a_refused_request_is_halved_down_to_its_spans() {
        let mut queue = ExportQueue::default();
        (0..3).for_each(|number| queue.push(span(number, 10)));
        let Parts::Halves([first, second]) = split(queue.next_batch(None).unwrap()) else {
            panic!("three spans are divisible");
        };
        assert_eq!((first.spans.len(), second.spans.len()), (2, 1));
        assert!(matches!(split(second), Parts::Single(_)));
    }
}
