//! Faults between a client and Langfuse, planned in advance.

use std::time::Duration;

/// The reply to a request.
#[derive(Debug, Clone)]
#[allow(clippy::enum_variant_names, reason = "`CloseWithoutReply` says what it is")]
pub enum Reply {
    /// The normal answer: what Langfuse does.
    Normal,
    /// A status with a short JSON text; nothing is stored, not even for 200 (see [`Reply::Lose`]).
    Status(u16),
    /// A status with headers and body; nothing is stored.
    StatusWithBody(u16, Vec<(String, String)>, Vec<u8>),
    /// 429 as Langfuse Cloud sends it, with `Retry-After` in seconds.
    RateLimited(u64),
    /// 200 and a page: a captive portal, a login page, a wrong base URL.
    Html,
    /// 302 to this address.
    Redirect(String),
    /// The connection is reset after the request was read.
    Reset,
    /// The connection is closed after the request was read, without a reply.
    CloseWithoutReply,
    /// No reply, until the client gives up or the server stops.
    Hang,
    /// The reply after a pause.
    Delay(Duration, Box<Reply>),
    /// The normal answer, its bytes one by one with this pause between them.
    Drip(Duration),
    /// The headers of the normal answer, then half of its body, then the end of the connection.
    HalfBody,
    /// Bytes that are not HTTP.
    Garbage,
    /// The normal 200, but nothing is stored, as may happen in Langfuse's queue.
    Lose,
    /// The rows are stored, then the client gets this reply instead of the answer.
    AcceptThen(Box<Reply>),
    /// The rows are stored, then the connection is reset before the reply.
    AcceptThenReset,
}

impl Reply {
    /// Whether the request is handled as usual, so that its rows are stored.
    pub(super) fn accepts(&self) -> bool {
        match self {
            Self::Normal
            | Self::Drip(_)
            | Self::HalfBody
            | Self::AcceptThen(_)
            | Self::AcceptThenReset => true,
            Self::Delay(_, reply) => reply.accepts(),
            _ => false,
        }
    }

    /// The status of the reply, if there is one.
    pub(super) fn status(&self, normal: u16) -> Option<u16> {
        match self {
            Self::Normal | Self::Drip(_) | Self::HalfBody => Some(normal),
            Self::Status(status) | Self::StatusWithBody(status, ..) => Some(*status),
            Self::RateLimited(_) => Some(429),
            Self::Html | Self::Lose => Some(200),
            Self::Redirect(_) => Some(302),
            Self::Delay(_, reply) | Self::AcceptThen(reply) => reply.status(normal),
            Self::Reset
            | Self::CloseWithoutReply
            | Self::Hang
            | Self::Garbage
            | Self::AcceptThenReset => None,
        }
    }
}
