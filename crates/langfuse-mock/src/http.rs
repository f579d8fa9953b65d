//! The text of HTTP/1.1: the head of a request, and a reply.

use super::api::{Answer, Headers};

/// A request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// The body, without its chunks.
    pub body: Vec<u8>,
    /// Whether the client will send more.
    pub keep_alive: bool,
}

impl RawRequest {
    /// The first header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Headers(&self.headers).get(name)
    }
}

/// The head of a request, without its body: `None` when it is not HTTP/1.
pub(crate) fn parse_head(head: &[u8]) -> Option<RawRequest> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut parts = lines.next()?.split(' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || method.is_empty() || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return None;
    }
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let good = !name.is_empty() && !name.contains(char::is_whitespace);
        good.then(|| (name.to_owned(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<Vec<(String, String)>>>()?;
    // A client that takes the server for a proxy sends the whole address.
    let origin = target
        .strip_prefix("http://")
        .map(|rest| rest.find('/').map_or("/", |slash| &rest[slash..]));
    let mut request = RawRequest {
        method: method.to_owned(),
        target: origin.unwrap_or(target).to_owned(),
        headers,
        ..RawRequest::default()
    };
    let connection = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    request.keep_alive = if version == "HTTP/1.1" {
        !connection.contains("close")
    } else {
        connection.contains("keep-alive")
    };
    Some(request)
}

/// A reply as bytes, without a reason phrase. Statuses that have no body get none.
pub(crate) fn message(answer: &Answer, keep_alive: bool, with_body: bool) -> Vec<u8> {
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let bodiless = matches!(answer.status, 100..200 | 204 | 304);
    let mut message = format!("HTTP/1.1 {} \r\n", answer.status);
    for (name, value) in &answer.headers {
        message += &format!("{name}: {value}\r\n");
    }
    if !bodiless {
        message += &format!("content-length: {}\r\n", answer.body.len());
    }
    let mut message = (message + &format!("connection: {connection}\r\n\r\n")).into_bytes();
    if with_body && !bodiless {
        message.extend_from_slice(&answer.body);
    }
    message
}
