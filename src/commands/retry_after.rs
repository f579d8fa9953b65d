//! Retry-After: a command waits as long as the server asks, and continues. A hook never waits.

use std::time::Duration;

use crate::commands::output::print_note;
use crate::config::Config;
use crate::delivery::{HttpTransport, Transport};
use crate::langfuse::{
    Body, Client, Deadline, Listing, Page, Query, ScoreFilter, ScorePage, Stored, StoredScore,
    Verdict,
};
use crate::score::Score;
use crate::state::PendingMedia;

/// Longest total wait for one request. Langfuse counts requests per minute.
const MAX_TOTAL_WAIT: Duration = Duration::from_secs(600);
/// Shortest wait: some servers answer `Retry-After: 0`.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// Sends a request, and sends it again after each wait that the server asks for.
pub(super) fn with_retry_after<Response>(
    mut request: impl FnMut() -> Result<Response, Verdict>,
) -> Result<Response, Verdict> {
    let mut retry_after = RetryAfter::new();
    loop {
        match request() {
            Err(reply) if retry_after.wait(&reply) => {}
            result => return result,
        }
    }
}

/// A client with a time limit per request, which repeats requests after each wait that the server asks for.
pub(super) struct RetryingClient {
    client: Client,
    request_time: Duration,
}

impl RetryingClient {
    pub(super) fn new(client: Client, config: &Config) -> Self {
        Self { client, request_time: config.timeout }
    }

    pub(super) fn ask<Response>(
        &mut self,
        mut request: impl FnMut(&mut Client, Deadline) -> Result<Response, Verdict>,
    ) -> Result<Response, Verdict> {
        with_retry_after(|| request(&mut self.client, Deadline::after(self.request_time)))
    }

    /// Calls `on_observation` with each stored observation, page by page. `is_old`: uses the API of servers with only
    /// the older tables. If a page is too large for the server, smaller ones are requested. Returns whether the
    /// server has the API.
    pub(super) fn each_observation(
        &mut self,
        query: &Query,
        is_old: bool,
        mut on_observation: impl FnMut(Stored),
    ) -> Result<bool, Verdict> {
        let mut query = query.clone();
        let mut listing = Listing::default();
        loop {
            let page = self.ask(|client, deadline| {
                if is_old {
                    client.old_observations(&query, listing.next(), deadline).map(Some)
                } else {
                    client.observations(&query, listing.next(), deadline)
                }
            });
            let page = match (page, query.with_smaller_pages()) {
                (Err(Verdict::TooLarge { .. }), Some(smaller)) => {
                    query = smaller;
                    if is_old {
                        listing.halve_pages();
                    }
                    continue;
                }
                (page, _) => page?,
            };
            let Some(Page { observations, next }) = page else { return Ok(false) };
            observations.into_iter().for_each(&mut on_observation);
            if !listing.advance(next)? {
                return Ok(true);
            }
        }
    }

    /// Calls `on_score` with each stored score, page by page. Returns whether the server lists scores.
    pub(super) fn each_score(
        &mut self,
        filter: ScoreFilter<'_>,
        mut on_score: impl FnMut(StoredScore),
    ) -> Result<bool, Verdict> {
        let mut listing = Listing::default();
        loop {
            let page = self
                .ask(|client, deadline| client.stored_scores(filter, listing.next(), deadline))?;
            let Some(ScorePage { scores, next }) = page else {
                return Ok(false);
            };
            scores.into_iter().for_each(&mut on_score);
            if !listing.advance(next)? {
                return Ok(true);
            }
        }
    }
}

/// The remaining waiting time of one request.
struct RetryAfter {
    remaining: Duration,
}

impl RetryAfter {
    fn new() -> Self {
        Self { remaining: MAX_TOTAL_WAIT }
    }

    /// Waits as long as the server asks. Returns whether to send the request again.
    fn wait(&mut self, reply: &Verdict) -> bool {
        let Some(wait) = self.next_wait(reply) else {
            return false;
        };
        if let Verdict::Later { reason, .. } = reply {
            print_note(&format!("{reason}: continuing in {} s", wait.as_secs()));
        }
        std::thread::sleep(wait);
        true
    }

    fn next_wait(&mut self, reply: &Verdict) -> Option<Duration> {
        let Verdict::Later { retry_after: Some(wait), .. } = reply else {
            return None;
        };
        let wait = (*wait).max(MIN_WAIT);
        self.remaining = self.remaining.checked_sub(wait)?;
        Some(wait)
    }
}

/// A transport that waits as long as the server asks.
pub(super) struct RetryAfterTransport(pub HttpTransport);

impl Transport for RetryAfterTransport {
    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict> {
        with_retry_after(|| self.0.score(scores))
    }

    fn upload_media(&mut self, media: &PendingMedia, bytes: &[u8]) -> Result<(), Verdict> {
        with_retry_after(|| self.0.upload_media(media, bytes))
    }

    fn is_langfuse(&mut self) -> bool {
        self.0.is_langfuse()
    }

    fn send(&mut self, raw: &str, body: &Body) -> Verdict {
        let send = || match self.0.send(raw, body) {
            Verdict::Acknowledged => Ok(()),
            reply => Err(reply),
        };
        with_retry_after(send).err().unwrap_or(Verdict::Acknowledged)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RetryAfter;
    use crate::langfuse::Verdict;

    fn later(seconds: Option<u64>) -> Verdict {
        Verdict::Later {
            reason: "busy".to_owned(),
            retry_after: seconds.map(Duration::from_secs),
            timed_out: false,
        }
    }

    #[test]
    fn waits_only_for_a_given_time_and_ten_minutes_at_most() {
        let mut retry_after = RetryAfter::new();
        let mut wait = |reply| retry_after.next_wait(&reply).map(|wait| wait.as_secs());
        assert_eq!(wait(later(None)), None);
        assert_eq!(wait(Verdict::Acknowledged), None);
        assert_eq!(wait(later(Some(0))), Some(1));
        assert_eq!(wait(later(Some(7200))), None);
        assert_eq!(wait(later(Some(599))), Some(599));
        assert_eq!(wait(later(Some(1))), None);
    }
}
