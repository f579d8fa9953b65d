//! One server: reads observations back, and sends the missing ones.

use std::time::{Duration, Instant};

use base::Timestamp;

use super::comparison::Comparison;
use crate::commands::delivery_context::SessionTarget;
use crate::commands::preview::each_span;
use crate::commands::retry_after::RetryingClient;
use crate::config::Config;
use crate::delivery::MAX_REQUEST_BYTES;
use crate::langfuse::{Body, Client, MAX_SCORE_IDS, Query, ScoreFilter, Stored, Verdict, export};

/// Time between two reads: Langfuse stores within a second or two.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(super) enum ReadBackError {
    Server(Verdict),
    /// The error is on this machine.
    Local(anyhow::Error),
}

impl From<anyhow::Error> for ReadBackError {
    fn from(error: anyhow::Error) -> Self {
        Self::Local(error)
    }
}

/// The traces of one server.
pub(super) struct RemoteTraces {
    client: RetryingClient,
    /// Whether the server has only the older API.
    legacy: bool,
}

impl RemoteTraces {
    pub(super) fn new(client: Client, config: &Config) -> Self {
        Self { client: RetryingClient::new(client, config), legacy: false }
    }

    /// Compares, and repeats it for up to `wait` after the last delivery while something is missing or may be replaced.
    pub(super) fn read_back(
        &mut self,
        comparison: &mut Comparison,
        sent_at: Option<Timestamp>,
        wait: Duration,
    ) -> Result<(), ReadBackError> {
        let since = |sent_at| Timestamp::now().since(sent_at);
        let left = sent_at.map_or(Duration::ZERO, |sent_at| wait.saturating_sub(since(sent_at)));
        let until = Instant::now() + left.min(wait);
        loop {
            self.read(comparison).map_err(ReadBackError::Server)?;
            comparison.mark_unplaced();
            self.read_scores(comparison).map_err(ReadBackError::Server)?;
            if !comparison.may_change() || Instant::now() + POLL_INTERVAL > until {
                return Ok(());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Sends the missing observations, and compares again.
    pub(super) fn repair(
        &mut self,
        comparison: &mut Comparison,
        session: &SessionTarget,
        config: &Config,
        wait: Duration,
    ) -> Result<(), ReadBackError> {
        let missing = comparison.missing();
        let (mut batch, mut size, mut found) = (Vec::new(), 0, 0);
        let mut failed = None;
        let report = each_span(session, config, |span| {
            if failed.is_none() && missing.contains(span.span_id()) {
                let encoded = span.encoded();
                if size + encoded.len() > MAX_REQUEST_BYTES {
                    failed = self.send(&mut batch).err();
                    size = 0;
                }
                size += encoded.len();
                found += 1;
                batch.push(encoded);
            }
            Ok(())
        })?;
        match failed.map_or_else(|| self.send(&mut batch), Err) {
            Ok(()) => {
                comparison.repaired = found;
                comparison.withheld = report.withheld;
            }
            Err(reply) => return Err(ReadBackError::Server(reply)),
        }
        self.read_back(comparison, Some(Timestamp::now()), wait)
    }

    fn send(&mut self, spans: &mut Vec<String>) -> Result<(), Verdict> {
        if spans.is_empty() {
            return Ok(());
        }
        let body = Body::new(export(spans.iter().map(String::as_str)).as_bytes());
        spans.clear();
        self.client.ask(|client, deadline| match client.send(&body, deadline) {
            Verdict::Acknowledged => Ok(()),
            reply => Err(reply),
        })
    }

    /// Reads by session, or by trace if the server or the spans have no session.
    fn read(&mut self, comparison: &mut Comparison) -> Result<(), Verdict> {
        comparison.clear();
        let Some(times) = comparison.times() else {
            return Ok(());
        };
        let traces = comparison.traces();
        let by_trace: Vec<Query> =
            traces.iter().map(|trace| Query::of_trace(trace, times.clone())).collect();
        if !self.legacy {
            let by_session = [Query::of_session(&comparison.session, times)];
            let queries = if comparison.attached { by_trace.as_slice() } else { &by_session };
            self.legacy = !self.read_all(queries, comparison)?;
        }
        if self.legacy {
            self.read_all(&by_trace, comparison)?;
        }
        Ok(())
    }

    /// Returns whether the server has the requested API.
    fn read_all(
        &mut self,
        queries: &[Query],
        comparison: &mut Comparison,
    ) -> Result<bool, Verdict> {
        for query in queries {
            let add = |stored: Stored| comparison.add_stored(&stored);
            if !self.client.each_observation(query, self.legacy, add)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the scores of turns that are stored as they are now.
    fn read_scores(&mut self, comparison: &mut Comparison) -> Result<(), Verdict> {
        let ids = comparison.scores_to_read();
        if ids.is_empty() {
            return Ok(());
        }
        for ids in ids.chunks(MAX_SCORE_IDS) {
            let scores = &mut comparison.scores;
            let are_listed =
                self.client.each_score(ScoreFilter::Ids(ids), |score| scores.add_stored(&score))?;
            if !are_listed {
                // What can't be read is neither there nor missing.
                comparison.scores.keep_of(|_| false);
                return Ok(());
            }
        }
        Ok(())
    }
}
