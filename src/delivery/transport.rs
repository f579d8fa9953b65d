//! The transports of requests: HTTP, and one for a server that is known to be unavailable.

use std::time::Duration;

use anyhow::Result;

use super::Transport;
use crate::config::{Config, Destination};
use crate::langfuse::{Body, Client, Deadline, Verdict, health, send_scores};
use crate::score::Score;
use crate::state::PendingMedia;

/// Sends to Langfuse. Each request has its own time limit, and all share a deadline.
pub struct HttpTransport {
    client: Client,
    /// The time limit of one request.
    request_time: Duration,
    /// The deadline for all requests.
    deadline: Option<Deadline>,
    pace: Pace,
}

/// The time that the last request took, with its size.
#[derive(Clone, Copy, Default)]
struct Pace {
    bytes: usize,
    took: Duration,
}

impl Pace {
    /// Whether a request of this size would surely be cut off. It would arrive anyway, and Langfuse counts its tokens
    /// twice until it merges the rows. Only requests of similar size are compared, because a small one takes little
    /// more than a round trip.
    fn is_too_slow_for(self, bytes: usize, left: Duration) -> bool {
        let is_like = bytes <= self.bytes.saturating_mul(2);
        is_like && self.took.as_millis() * bytes as u128 > left.as_millis() * self.bytes as u128
    }
}

impl HttpTransport {
    /// Creates a transport with one connection, which the first request opens.
    ///
    /// # Errors
    /// If the base URL or the proxy is invalid.
    pub fn new(
        destination: &Destination,
        config: &Config,
        request_time: Duration,
        deadline: Option<Deadline>,
    ) -> Result<Self> {
        let client = Client::to(destination, config)?;
        Ok(Self { client, request_time, deadline, pace: Pace::default() })
    }
}

impl HttpTransport {
    fn time_of_request(&self) -> Deadline {
        match self.deadline {
            Some(deadline) => deadline.at_most(self.request_time),
            None => Deadline::after(self.request_time),
        }
    }
}

impl Transport for HttpTransport {
    fn prepare(&mut self) -> Result<(), Verdict> {
        self.client.connect(self.time_of_request())
    }

    fn send(&mut self, _raw: &str, body: &Body) -> Verdict {
        let deadline = self.time_of_request();
        let (bytes, left) = (body.wire_len(), deadline.remaining());
        if self.pace.is_too_slow_for(bytes, left) {
            return Verdict::Later {
                reason: format!("no time left to send more to {}", self.client.server()),
                retry_after: None,
                timed_out: false,
            };
        }
        let reply = self.client.send(body, deadline);
        let took = left.saturating_sub(deadline.remaining());
        self.pace = Pace { bytes, took };
        reply
    }

    fn upload_media(&mut self, media: &PendingMedia, bytes: &[u8]) -> Result<(), Verdict> {
        let deadline = self.time_of_request();
        if deadline.has_passed() {
            return Err(Verdict::later(format!(
                "no time left to send to {}",
                self.client.server()
            )));
        }
        self.client.upload_media(media, bytes, deadline)
    }

    fn is_langfuse(&mut self) -> bool {
        let deadline = self.time_of_request();
        health(&mut self.client, deadline).is_ok()
    }

    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict> {
        let deadline = self.time_of_request();
        send_scores(&mut self.client, scores, deadline)
    }
}

/// Sends nothing and opens no socket, because the failure is known.
pub struct Unavailable {
    /// One line for people.
    pub reason: String,
}

impl Unavailable {
    fn reply(&self) -> Verdict {
        Verdict::Later { reason: self.reason.clone(), retry_after: None, timed_out: false }
    }
}

impl Transport for Unavailable {
    fn send(&mut self, _raw: &str, _body: &Body) -> Verdict {
        self.reply()
    }

    fn score(&mut self, _scores: &[Score]) -> Result<usize, Verdict> {
        Err(self.reply())
    }

    fn unavailable(&self) -> Option<&str> {
        Some(&self.reason)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;

    #[test]
    fn a_request_like_the_last_one_is_not_begun_when_there_is_not_its_time() {
        let took = Duration::from_millis(1500);
        let pace = Pace { bytes: 48_000, took };
        let too_slow = |bytes, left| pace.is_too_slow_for(bytes, Duration::from_millis(left));
        assert!(too_slow(48_000, 1400) && !too_slow(48_000, 1600));
        assert!(too_slow(90_000, 1600) && !too_slow(10_000, 400));
        // A much larger request may be as fast: most of the time may have been the round trip.
        assert!(!too_slow(100_000, 1600));
        assert!(!Pace::default().is_too_slow_for(48_000, Duration::ZERO));
    }
}
