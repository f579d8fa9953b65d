//! Sends queued spans and scores. The uploader owns transport, queue and report. It returns settled spans to the
//! caller, who owns the cursor.

use std::collections::BTreeSet;

use super::queue::{Batch, ExportQueue, Parts, QueuedScore, QueuedSpan, split};
use super::{Report, Stopped, Transport};
use crate::langfuse::{MAX_SCORES_PER_REQUEST, Problem, Verdict, without_content};
use crate::score::Score;
use crate::state::{MIN_REQUEST_BYTES, PendingMedia};

/// A span refused in this many runs is sent without its input and output.
const MAX_REFUSALS: u8 = 3;

/// If a connection keeps breaking under a single span of this size, the span is the cause.
const SURELY_LARGE_BYTES: usize = 1024 * 1024;

/// The outcome of one request for its spans.
#[derive(Default)]
pub(super) struct Receipt {
    /// Acknowledged, or left out after repeated refusals. They are never sent again.
    pub settled: Vec<QueuedSpan>,
    /// Refused. A later run retries them; each carries its number of refusals.
    pub postponed: Vec<QueuedSpan>,
}

pub(super) struct Uploader<'a> {
    transport: &'a mut dyn Transport,
    queue: ExportQueue,
    /// Parts of a refused request. They are sent before the queue.
    parts: Vec<Batch>,
    /// The largest request, compressed, in bytes.
    wire_limit: Option<usize>,
    report: Report,
    /// The traces in the report. The report lists them in order, and searching that list per turn would be quadratic.
    traces: BTreeSet<String>,
}

impl<'a> Uploader<'a> {
    /// `wire_limit`: the largest request, compressed, in bytes. An unavailable transport stops the upload at once.
    pub(super) fn new(transport: &'a mut dyn Transport, wire_limit: Option<usize>) -> Self {
        let unavailable = transport.unavailable().map(str::to_owned);
        let stopped =
            unavailable.map(|reason| Stopped { reason, retry_after: None, problem: None });
        Self {
            transport,
            queue: ExportQueue::default(),
            parts: Vec::new(),
            wire_limit,
            report: Report { stopped, ..Report::default() },
            traces: BTreeSet::new(),
        }
    }

    /// The server accepts no more in this run.
    pub(super) fn is_stopped(&self) -> bool {
        self.report.stopped.is_some()
    }

    pub(super) fn has_leftover(&self) -> bool {
        self.report.has_leftover()
    }

    pub(super) fn upload_media(
        &mut self,
        media: &PendingMedia,
        bytes: &[u8],
    ) -> Result<(), Verdict> {
        self.transport.upload_media(media, bytes)
    }

    pub(super) fn note_media_left(&mut self, count: usize) {
        self.report.media_left = count;
    }

    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// After a stop nothing is queued: the transcript keeps the content.
    pub(super) fn push(&mut self, span: QueuedSpan) {
        if !self.is_stopped() {
            self.queue.push(span);
        }
    }

    pub(super) fn push_score(&mut self, score: QueuedScore) {
        if !self.is_stopped() {
            self.queue.scores.push(score);
        }
    }

    /// Enough spans for a request are queued.
    pub(super) fn is_full(&self) -> bool {
        !self.parts.is_empty() || self.queue.is_full(self.wire_limit)
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.parts.clear();
    }

    /// Connects, so that the first request need not wait for it.
    pub(super) fn connect(&mut self) {
        if let Err(verdict) = self.transport.prepare() {
            self.stop(verdict);
        }
    }

    /// Sends the next request. Returns `None` if the queue is empty or the server accepts no more.
    pub(super) fn send_next(&mut self) -> Option<Receipt> {
        if self.is_stopped() {
            self.clear();
            return None;
        }
        let batch = self.parts.pop().or_else(|| self.queue.next_batch(self.wire_limit))?;
        let wire_len = batch.body.wire_len();
        // If one half was too large, the other most likely is, too.
        let is_too_large = |size: usize| wire_len > size / 4 * 3;
        if batch.spans.len() > 1 && self.report.too_large.is_some_and(is_too_large) {
            return Some(self.smaller(batch, String::new(), false));
        }
        let verdict = self.transport.send(&batch.raw, &batch.body);
        Some(match self.refusal_by_firewall(verdict) {
            Verdict::Acknowledged => self.acknowledged(batch.spans, wire_len),
            Verdict::TooLarge { reason, is_said } => {
                self.limit_requests_below(wire_len);
                self.smaller(batch, reason, is_said || wire_len > SURELY_LARGE_BYTES)
            }
            Verdict::Refused { reason } => self.smaller(batch, reason, true),
            verdict => {
                self.failed(verdict, wire_len);
                Receipt::default()
            }
        })
    }

    /// A page instead of JSON is an outage: a captive portal, or another site. If Langfuse answers elsewhere, a
    /// firewall in front of it rejects the content of this request.
    fn refusal_by_firewall(&mut self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Misconfigured { problem: Problem::NotLangfuse, reason }
                if self.transport.is_langfuse() =>
            {
                Verdict::Refused {
                    reason: format!(
                        "{reason}; its other pages are Langfuse's, so a firewall may reject this content"
                    ),
                }
            }
            verdict => verdict,
        }
    }

    /// Limits later requests, in later runs too, to half of this size.
    fn limit_requests_below(&mut self, wire_len: usize) {
        let known = self.report.too_large.unwrap_or(wire_len);
        self.report.too_large = Some(known.min(wire_len));
        let half = (wire_len / 2).max(MIN_REQUEST_BYTES);
        self.wire_limit = Some(self.wire_limit.map_or(half, |limit| limit.min(half)));
    }

    /// Halves a rejected request. A single span is refused if the rejection is certain.
    fn smaller(&mut self, batch: Batch, reason: String, is_certain: bool) -> Receipt {
        match split(batch) {
            Parts::Halves([first, second]) => {
                self.parts.extend([second, first]);
                Receipt::default()
            }
            Parts::Single(span) if is_certain => self.refused(*span, reason),
            Parts::Single(_) => {
                self.stop(Verdict::later(reason));
                Receipt::default()
            }
            Parts::Nothing => Receipt::default(),
        }
    }

    /// Sends scores of `ready` turns, those with all spans acknowledged. A later run creates the others again.
    /// Returns the scores that need not be sent again, `None` if none are ready.
    pub(super) fn send_scores(
        &mut self,
        is_ready: impl Fn(&str) -> bool,
    ) -> Option<Vec<QueuedScore>> {
        if self.is_stopped() {
            return None;
        }
        let scores = self.queue.take_scores(MAX_SCORES_PER_REQUEST, is_ready);
        if scores.is_empty() {
            return None;
        }
        let sent: Vec<Score> = scores.iter().map(|queued| queued.score.clone()).collect();
        let refused = match self.transport.score(&sent) {
            Ok(refused) => refused,
            // The server accepted the spans and will never accept the scores: they must not hold up the session.
            Err(
                Verdict::Refused { reason }
                | Verdict::TooLarge { reason, .. }
                | Verdict::Misconfigured { reason, problem: Problem::Url },
            ) => {
                log::warn!("{reason}");
                scores.len()
            }
            Err(verdict) => {
                self.stop(verdict);
                return None;
            }
        };
        if refused > 0 {
            log::warn!("{refused} of {} scores were refused and are left out", scores.len());
        }
        self.report.scores += scores.len() - refused.min(scores.len());
        self.report.requests += 1;
        Some(scores)
    }

    fn acknowledged(&mut self, spans: Vec<QueuedSpan>, wire_len: usize) -> Receipt {
        self.report.requests += 1;
        self.report.bytes += wire_len;
        self.report.spans += spans.len();
        for span in spans.iter().filter(|span| span.is_turn) {
            self.report.turns += 1;
            // Turns below a span of an evaluation share one trace.
            if self.traces.insert(span.trace_id.as_str().to_owned()) {
                self.report.traces.push(span.trace_id.clone());
            }
        }
        Receipt { settled: spans, ..Receipt::default() }
    }

    /// A refused span must neither hold up the session nor be lost. Later runs retry it, then send it without its
    /// input and output, and then leave it out.
    fn refused(&mut self, mut span: QueuedSpan, reason: String) -> Receipt {
        span.refusals = span.refusals.saturating_add(1);
        let name = format!("span {} of trace {}", span.span_id.as_str(), span.trace_id.as_str());
        if span.refusals < MAX_REFUSALS {
            log::warn!("{name} was refused and is tried again later: {reason}");
            self.report.postponed += 1;
            return Receipt { postponed: vec![span], ..Receipt::default() };
        }
        if span.refusals == MAX_REFUSALS {
            log::warn!("{name} is sent without its content: {reason}");
            span.encoded = without_content(&span.encoded, &reason);
            self.parts.push(Batch::of(vec![span]));
            return Receipt::default();
        }
        log::warn!("{name} is left out: {reason}");
        self.report.refused.push(reason);
        Receipt { settled: vec![span], ..Receipt::default() }
    }

    /// Stops the upload after a failed request of this size.
    fn failed(&mut self, verdict: Verdict, wire_len: usize) {
        let timed_out = matches!(&verdict, Verdict::Later { timed_out: true, .. });
        // After requests of the same size it was not too large: the time was over.
        if timed_out && self.report.requests == 0 {
            self.report.too_large = Some(wire_len);
        }
        self.stop(verdict);
    }

    fn stop(&mut self, verdict: Verdict) {
        let (reason, retry_after, problem) = match verdict {
            Verdict::Later { reason, retry_after, .. } => (reason, retry_after, None),
            Verdict::Misconfigured { reason, problem } => (reason, None, Some(problem)),
            Verdict::Acknowledged | Verdict::TooLarge { .. } | Verdict::Refused { .. } => return,
        };
        self.report.stopped = Some(Stopped { reason, retry_after, problem });
    }
}
