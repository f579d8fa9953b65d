//! From the outbox to the server, and what its replies do to the cursor.

use super::Stopped;
use super::outbox::{Batch, Item, Owner, Parts, pack, split};
use super::run::Delivery;
use crate::langfuse::{Verdict, without_content};

/// How often a span is refused before it is sent without its content: in as many runs.
const REFUSALS: u8 = 3;

impl Delivery<'_> {
    /// Sends what waits, until the server can take no more.
    pub(super) fn send(&mut self) {
        while self.report.stopped.is_none() && self.send_next() {}
        if self.report.stopped.is_none() {
            self.send_scores();
        }
        self.outbox.clear();
    }

    /// Sends while a request's worth waits.
    pub(super) fn send_full(&mut self) {
        if !self.outbox.is_full(self.job.wire_limit) {
            return;
        }
        while self.outbox.is_full(self.job.wire_limit) && self.send_next() {
            if self.report.stopped.is_some() {
                return self.outbox.clear();
            }
        }
        self.send_scores();
    }

    fn send_next(&mut self) -> bool {
        let batch = self.outbox.next_batch(self.job.wire_limit);
        batch.map(|batch| self.send_whole_or_in_parts(batch)).is_some()
    }

    fn send_whole_or_in_parts(&mut self, batch: Batch) {
        self.save_terms();
        let mut todo = vec![batch];
        while let Some(batch) = todo.pop() {
            match self.transport.send(&batch.raw, &batch.body) {
                Verdict::Acknowledged => self.acknowledged(batch.items, batch.body.wire_len()),
                Verdict::TooLarge { reason } | Verdict::Refused { reason } => match split(batch) {
                    Parts::Halves([first, second]) => todo.extend([second, first]),
                    Parts::Single(item) => todo.extend(self.refused(*item, reason)),
                    Parts::Nothing => {}
                },
                reply => {
                    return self.failed(reply, batch.body.wire_len());
                }
            }
        }
    }

    /// The server did not take a request of so many bytes now.
    fn failed(&mut self, reply: Verdict, wire_len: usize) {
        let timed_out = matches!(&reply, Verdict::Later { timed_out: true, .. });
        // After others of its size it was not too large: the time was over.
        if timed_out && self.report.requests == 0 {
            self.report.too_slow = Some(wire_len);
        }
        self.stop(reply);
    }

    /// Connects, as long as nothing is known that keeps the server from taking what will be sent.
    pub(super) fn get_ready(&mut self) {
        if let Err(reply) = self.transport.prepare() {
            self.stop(reply);
        }
    }

    /// The server takes no more in this run.
    pub(super) fn stop(&mut self, reply: Verdict) {
        let (reason, retry_after, problem) = match reply {
            Verdict::Later { reason, retry_after, .. } => (reason, retry_after, None),
            Verdict::Misconfigured { reason, problem } => (reason, None, Some(problem)),
            Verdict::Acknowledged | Verdict::TooLarge { .. } | Verdict::Refused { .. } => return,
        };
        self.report.stopped = Some(Stopped { reason, retry_after, problem });
    }

    /// One span that the server does not take: it must not hold up the session, nor be lost for a proxy's mood. It is
    /// tried again by later runs, then without its input and output, and only then left out.
    fn refused(&mut self, item: Item, reason: String) -> Option<Batch> {
        let times = self.cursor.refused.entry(item.span_id.clone()).or_default();
        *times = times.saturating_add(1);
        let name = format!("span {} of trace {}", item.span_id.as_str(), item.trace_id.as_str());
        if *times < REFUSALS {
            log::warn!("{name} was refused and is tried again later: {reason}");
            self.report.postponed += 1;
            return None;
        }
        if *times == REFUSALS {
            log::warn!("{name} is sent without its content: {reason}");
            let encoded = without_content(&item.encoded, &reason);
            return Some(pack(vec![Item { encoded, ..item }]));
        }
        log::warn!("{name} is left out: {reason}");
        self.report.refused.push(reason);
        self.settle(vec![item]);
        None
    }

    fn acknowledged(&mut self, items: Vec<Item>, wire_len: usize) {
        self.report.requests += 1;
        self.report.bytes += wire_len;
        self.count(&items);
        self.settle(items);
    }

    fn count(&mut self, items: &[Item]) {
        self.report.spans += items.len();
        for item in items.iter().filter(|item| item.is_turn) {
            self.report.turns += 1;
            // Turns that hang under a span of somebody else are in one trace.
            if self.counted.insert(item.trace_id.as_str().to_owned()) {
                self.report.traces.push(item.trace_id.clone());
            }
        }
    }

    fn settle(&mut self, items: Vec<Item>) {
        for Item { owner, span_id, mark, .. } in items {
            self.cursor.refused.remove(&span_id);
            match owner {
                Owner::Turn(uuid) => {
                    self.cursor.acknowledged.insert(span_id, mark);
                    self.track.acknowledged(&uuid, &mut self.cursor);
                }
                Owner::Subagent(agent_id) => {
                    if let Some(subagent) = self.cursor.subagents.get_mut(&agent_id) {
                        subagent.acknowledged.insert(span_id, mark);
                    }
                }
            }
        }
        self.delivered();
        self.save();
    }

    /// Keeps the cursor if it changed. Where that fails the spans are sent all the same: better twice than never.
    pub(super) fn save(&mut self) {
        self.save_placements();
        let Some(store) = self.store else { return };
        if let Err(error) = store.save_if_changed(&self.cursor, &mut self.saved) {
            self.report.unsaved = Some(format!("{error:#}"));
        }
    }
}
