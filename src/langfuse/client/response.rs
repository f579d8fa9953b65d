//! A response of the server, read only as far as its meaning requires.

use std::io::Read;

use time::OffsetDateTime;
use ureq::http::{HeaderMap, Response};

use crate::langfuse::verdict::{ResponseParts, classify};
use crate::langfuse::{Deadline, Verdict};

/// The received response.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// As far as it was read.
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Broken,
    /// The body is longer than the limit.
    TooLong,
    TimedOut,
    Unread,
}

impl Received {
    /// Reads the body if the meaning depends on it. Otherwise the status is enough, and an endless body would cost
    /// time. Reads at most `longest` bytes.
    pub(crate) fn read(response: Response<ureq::Body>, longest: usize, deadline: Deadline) -> Self {
        let (parts, stream) = response.into_parts();
        let status = parts.status.as_u16();
        let mut body = Vec::new();
        let end = if matches!(status, 200..=299 | 400 | 403 | 415 | 422) {
            let mut reader = stream.into_reader().take(longest as u64 + 1);
            match reader.read_to_end(&mut body) {
                Ok(length) if length <= longest => End::Whole,
                Err(_) if deadline.has_passed() => End::TimedOut,
                Ok(_) => End::TooLong,
                Err(_) => End::Broken,
            }
        } else {
            End::Unread
        };
        Self { status, headers: parts.headers, body, end }
    }

    /// The verdict. `server` is `host:port`.
    pub(crate) fn classify(&self, server: &str) -> Verdict {
        let answer = ResponseParts {
            status: self.status,
            headers: &self.headers,
            body: &self.body,
            whole: self.end == End::Whole,
        };
        let mut reply = classify(server, answer, OffsetDateTime::now_utc());
        if let Verdict::Later { timed_out, .. } = &mut reply {
            *timed_out |= self.end == End::TimedOut;
        }
        reply
    }
}
