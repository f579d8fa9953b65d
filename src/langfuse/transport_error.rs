//! Maps ureq's errors to verdicts.

use std::io::{self, ErrorKind};

use ureq::Error;

use crate::langfuse::{Problem, Verdict};

/// A server that closes early during a large upload loses its own 413 in a reset, and some firewalls say nothing else. A Stop
/// hook sends no more than this.
const LARGE_UPLOAD_BYTES: usize = 48 * 1024;

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct TransportError {
    pub(crate) error: Error,
    /// Whether the connection was made and the body was being sent.
    pub(crate) started: bool,
    /// Whether the deadline had passed.
    pub(crate) too_late: bool,
    /// Length of the body.
    pub(crate) wire_len: usize,
}

impl TransportError {
    /// Whether the certificate was rejected, so that other roots may help.
    pub(crate) fn is_certificate(&self) -> bool {
        tls_text(&self.error).is_some_and(|text| text.starts_with("invalid peer certificate"))
    }

    /// Whether the certificate was rejected for another reason than an unknown issuer.
    pub(crate) fn is_specific(&self) -> bool {
        self.is_certificate()
            && tls_text(&self.error).is_some_and(|text| !text.contains("UnknownIssuer"))
    }

    pub(crate) fn is_hang_up(&self) -> bool {
        !self.too_late && matches!(&self.error, Error::Io(error) if hung_up(error.kind()))
    }

    /// `server` and `proxy` are `host:port`.
    pub(crate) fn classify(&self, server: &str, proxy: Option<&str>) -> Verdict {
        let peer = proxy.unwrap_or(server);
        if let Some(text) = tls_text(&self.error) {
            return classify_tls(server, &text);
        }
        if self.too_late || matches!(self.error, Error::Timeout(_)) {
            return self.out_of_time(server, peer);
        }
        match &self.error {
            Error::Io(error) => self.classify_io(server, peer, error),
            Error::HostNotFound => Verdict::later(format!("could not find the host of {peer}")),
            Error::ConnectProxyFailed(text) => classify_proxy(server, peer, text),
            Error::Protocol(_) | Error::LargeResponseHeader(..) => Verdict::misconfigured(
                Problem::NotLangfuse,
                format!("{server} did not answer in proper HTTP: check the base URL"),
            ),
            Error::Tls(_) | Error::BadUri(_) | Error::Http(_) => Verdict::misconfigured(
                Problem::Url,
                format!("can't send to {server}: check the base URL"),
            ),
            _ => Verdict::later(format!("could not send to {server}")),
        }
    }

    fn out_of_time(&self, server: &str, peer: &str) -> Verdict {
        let reason = if self.started {
            format!("{server} did not answer in time")
        } else {
            format!("could not connect to {peer} in time")
        };
        Verdict::Later { reason, retry_after: None, timed_out: self.started }
    }

    fn classify_io(&self, server: &str, peer: &str, error: &io::Error) -> Verdict {
        let why = one_line(error);
        if why.starts_with("failed to lookup address") {
            return Verdict::later(format!("could not find the host of {peer}"));
        }
        if !self.started {
            return Verdict::later(format!("could not connect to {peer}: {why}"));
        }
        let reset = matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
        );
        if reset && self.wire_len > LARGE_UPLOAD_BYTES {
            return Verdict::TooLarge {
                reason: format!("{server} hung up on a request of {} bytes", self.wire_len),
                is_said: false,
            };
        }
        Verdict::later(format!("{server} hung up without an answer: {why}"))
    }
}

fn hung_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected
    )
}

/// The error of rustls, which is inside an I/O error. Recognised by its text, because rustls is not a direct dependency; tests
/// with real handshakes fail if the text changes.
fn tls_text(error: &Error) -> Option<String> {
    match error {
        Error::Rustls(error) => Some(error.to_string()),
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            error.get_ref().map(|inner| inner.to_string())
        }
        _ => None,
    }
}

fn classify_tls(server: &str, text: &str) -> Verdict {
    if text.contains("CaUsedAsEndEntity") {
        return Verdict::misconfigured(
            Problem::Certificate,
            format!(
                "the certificate of {server} is a certificate authority, which no server may show as its own. \
                 Make another one: openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=HOST \
                 -addext subjectAltName=DNS:HOST -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem"
            ),
        );
    }
    if let Some(detail) = text.strip_prefix("invalid peer certificate: ") {
        return Verdict::misconfigured(
            Problem::Certificate,
            format!("the certificate of {server} is not trusted: {}", first_words(detail)),
        );
    }
    if text.contains("InvalidContentType") {
        return Verdict::misconfigured(
            Problem::Url,
            format!("{server} does not speak TLS: check the base URL"),
        );
    }
    if text.starts_with("peer is incompatible") || text.contains("ProtocolVersion") {
        return Verdict::misconfigured(
            Problem::Certificate,
            format!("{server} speaks no version of TLS that is safe"),
        );
    }
    Verdict::later(format!("no TLS connection to {server}: {}", first_words(text)))
}

fn classify_proxy(server: &str, proxy: &str, text: &str) -> Verdict {
    let code: u16 = text
        .split(|character: char| !character.is_ascii_digit())
        .find(|word| word.len() == 3)
        .and_then(|word| word.parse().ok())
        .unwrap_or_default();
    match code {
        407 => Verdict::misconfigured(
            Problem::Proxy,
            format!("the proxy {proxy} answered 407: it wants a user name and password"),
        ),
        400..=499 => Verdict::misconfigured(
            Problem::Proxy,
            format!("the proxy {proxy} answered {code}: it does not let us to {server}"),
        ),
        0 => Verdict::later(format!("the proxy {proxy} did not answer")),
        _ => Verdict::later(format!("the proxy {proxy} answered {code} for {server}")),
    }
}

/// An I/O error in lower case, without the system's number.
fn one_line(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    first_words(text).to_lowercase()
}

fn first_words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(120).collect()
}
