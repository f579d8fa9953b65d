//! What of a turn leaves while its last row is on its way: all that can't change any more, in a request that ends with the
//! rest of the turn. After the row only few bytes are left to send.

use std::collections::BTreeMap;

use transcript::session::Turn;

use super::outbox::{Item, Owner, pack};
use super::parcel;
use super::run::Delivery;
use crate::langfuse::{Problem, Reply, beginning, ending};
use crate::state::Mark;
use crate::trace::{Context, Observation, SpanId, observe_turn};

/// Spans that go ahead of their turn.
#[derive(Default)]
pub(super) struct Early {
    /// Those whose turn was not taken since, with what is kept of them once they are acknowledged.
    ahead: BTreeMap<SpanId, Mark>,
    /// What is in the request that was begun, and how many bytes of it left.
    begun: Option<(Vec<Item>, usize)>,
}

impl Early {
    /// The span went ahead, and its turn was not taken since.
    pub(super) fn is_ahead(&self, span: &SpanId) -> bool {
        self.ahead.contains_key(span)
    }

    /// The turn of the span is taken; gives its mark if it went ahead.
    pub(super) fn catch_up(&mut self, span: &SpanId) -> Option<Mark> {
        self.ahead.remove(span)
    }
}

impl Delivery<'_> {
    /// Connects, and sends what there is of the open turn, with what waits from turns before it.
    pub(super) fn send_early(&mut self, turn: &Turn) {
        self.get_ready();
        if self.report.stopped.is_some() {
            return;
        }
        let context = self.context(turn);
        let owner = Owner::Turn(turn.opening.uuid.clone());
        // The root alone tells of a rewind, and it is not complete.
        observe_turn(turn, None, &context, false, &mut |observation| {
            self.post_early(observation, &owner, &context);
        });
        if self.report.stopped.is_none() {
            self.begin();
        }
    }

    fn post_early(&mut self, observation: Observation, owner: &Owner, context: &Context) {
        let Some(policy) = self.policy_of(context) else {
            return;
        };
        let changed = self.changed(observation, owner);
        if let Some(changed) = changed.filter(|_| self.report.stopped.is_none()) {
            let item = parcel::pack(changed, owner, context, &policy, &mut self.clean);
            let (span, mark) = (item.span_id.clone(), item.mark.clone());
            self.early.ahead.insert(span, mark);
            self.outbox.push(item);
            self.send_full();
        }
    }

    /// Begins a request with what waits, unless it is too much for one.
    fn begin(&mut self) {
        let Some(limit) = self.job.wire_limit else {
            return;
        };
        let Some(batch) = self.outbox.next_batch(Some(limit)) else {
            return;
        };
        self.save_terms();
        let is_small = batch.body.wire_len() <= limit;
        let begun = is_small.then(|| self.courier.begin(beginning(&batch.raw)));
        match begun.flatten() {
            Some(left) => self.early.begun = Some((batch.items, left)),
            None => self.outbox.put_back(batch.items),
        }
    }

    /// Ends the request that was begun with as much of what waits as fits in; `false` where there is none.
    pub(super) fn send_rest(&mut self) -> bool {
        let Some((mut items, left)) = self.early.begun.take() else {
            return false;
        };
        let room = self.job.wire_limit.map(|limit| limit.saturating_sub(left));
        let rest = self.outbox.next_batch(room);
        let last = ending(rest.as_ref().map(|rest| rest.raw.as_str()));
        items.extend(rest.into_iter().flat_map(|rest| rest.items));
        let requests = self.report.requests;
        match self.courier.finish(&last) {
            Some((Reply::Acknowledged, wire_len)) => self.acknowledged(items, wire_len),
            Some((reply, wire_len)) if is_whatever_its_form(&reply) => self.failed(reply, wire_len),
            // A request like any other tells whether only this one was not wanted.
            _ => {
                self.send_whole_or_in_parts(pack(items));
                self.report.needs_length = self.report.requests > requests;
            }
        }
        true
    }

    /// What went ahead stands in no file any more. The request that was begun is never ended.
    pub(super) fn forget_early(&mut self) {
        self.early = Early::default();
    }
}

/// The server wants time, or other keys: the same with a length would be one request too many.
fn is_whatever_its_form(reply: &Reply) -> bool {
    match reply {
        Reply::Later {
            retry_after,
            timed_out,
            ..
        } => *timed_out || retry_after.is_some(),
        Reply::Misconfigured { problem, .. } => {
            matches!(problem, Problem::Keys | Problem::Account)
        }
        _ => false,
    }
}
