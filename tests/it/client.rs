//! The client against well-behaved servers; its submodules have the failures.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy takes only the test functions themselves for tests, not what they share"
)]

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use claude_langfuse::config::Secret;
use claude_langfuse::langfuse::{Body, Client, ClientOptions, Deadline, Problem, Verdict};

#[path = "client_faults.rs"]
mod faults;
#[path = "client_proxy.rs"]
mod proxy;
#[path = "client_reading.rs"]
mod reading;
#[path = "client_server.rs"]
pub(crate) mod server;
#[path = "client_tls.rs"]
pub(crate) mod tls;

use server::Server;

const EXPORT: &[u8] = br#"{"resourceSpans":[]}"#;
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
/// Never reached by a passing test.
const LONG: Duration = Duration::from_secs(300);
/// Always reached by a test of a slow server.
const SHORT: Duration = Duration::from_secs(1);

fn client(url: &str) -> Client {
    client_with(url, ClientOptions::default())
}

fn client_with(url: &str, options: ClientOptions) -> Client {
    Client::new(url, "pk-lf-1", &Secret::new("sk-lf-hunter2"), options).unwrap()
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(own).collect()
}

fn send(url: &str) -> Verdict {
    client(url).send(&Body::new(EXPORT), Deadline::after(LONG))
}

/// Sends to a slow server, and checks that the wait is short.
fn send_in_short(url: &str, body: &Body) -> Verdict {
    let start = Instant::now();
    let reply = client(url).send(body, Deadline::after(SHORT));
    assert!(start.elapsed() < SHORT * 20, "took {:?}: {reply:?}", start.elapsed());
    reply
}

/// A body that does not compress.
fn noise(length: usize) -> Body {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    Body::new(&(0..length).map(|_| next()).collect::<Vec<_>>())
}

fn reason(reply: &Verdict) -> &str {
    match reply {
        Verdict::Acknowledged => "",
        Verdict::Later { reason, .. }
        | Verdict::TooLarge { reason, .. }
        | Verdict::Refused { reason }
        | Verdict::Misconfigured { reason, .. } => reason,
    }
}

fn is_later(reply: &Verdict) -> bool {
    matches!(reply, Verdict::Later { .. })
}

fn is_timed_out(reply: &Verdict) -> bool {
    matches!(reply, Verdict::Later { timed_out: true, .. })
}

fn is_problem(reply: &Verdict, wanted: Problem) -> bool {
    matches!(reply, Verdict::Misconfigured { problem, .. } if *problem == wanted)
}

/// A closed port.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_request_has_the_headers_that_langfuse_needs() {
    let server = Server::answering(OK);
    assert_eq!(send(&server.url()), Verdict::Acknowledged);
    let request = server.requests().pop().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let credentials = BASE64_STANDARD.encode("pk-lf-1:sk-lf-hunter2");
    assert_eq!(request.line, "POST /api/public/otel/v1/traces HTTP/1.1");
    for (name, value) in [
        ("authorization", format!("Basic {credentials}")),
        ("content-type", "application/json".to_owned()),
        ("x-langfuse-ingestion-version", "4".to_owned()),
        ("x-langfuse-sdk-name", "claude-langfuse".to_owned()),
        ("x-langfuse-sdk-version", version.to_owned()),
        ("user-agent", format!("claude-langfuse/{version}")),
        ("host", server.address.to_string()),
        ("content-encoding", String::new()),
        ("transfer-encoding", String::new()),
        ("expect", String::new()),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert_eq!(request.body, EXPORT);
}

#[test]
fn a_large_body_arrives_compressed_and_whole() {
    let server = Server::answering(OK);
    let raw = "{\"key\":\"value\"}".repeat(10_000);
    let body = Body::new(raw.as_bytes());
    let reply = client(&server.url()).send(&body, Deadline::after(LONG));
    assert_eq!(reply, Verdict::Acknowledged);
    let request = server.requests().pop().unwrap();
    assert_eq!(request.header("content-encoding"), "gzip");
    assert_eq!(request.body.len(), body.wire_len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(request.body.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, raw);
}

#[test]
fn a_run_uses_one_connection() {
    let server = Server::new(|connection| {
        while connection.number == 0 && connection.request() {
            connection.write(OK);
        }
    });
    let mut client = client(&server.url());
    for _ in 0..3 {
        let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
        assert_eq!(reply, Verdict::Acknowledged);
    }
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_stale_connection_is_replaced() {
    // The server reads the second request before it closes the connection: the client can't know this in advance.
    let server = Server::new(|connection| {
        connection.request();
        connection.write(OK);
        if connection.number == 0 {
            connection.request();
        }
    });
    let mut client = client(&server.url());
    for _ in 0..2 {
        let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
        assert_eq!(reply, Verdict::Acknowledged);
    }
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn credentials_are_not_sent_to_where_a_redirect_points() {
    for status in [301, 302, 303, 307, 308] {
        let other = Server::answering(OK);
        let location = format!("http://user:pw@{}/login?token=hunter2", other.address);
        let server = Server::answering(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ));
        let reply = send(&server.url());
        assert!(is_problem(&reply, Problem::Url), "{reply:?}");
        assert_eq!(
            reason(&reply),
            format!(
                "{} answered {status}: it points to http://{}/login, check the base URL",
                server.address, other.address
            )
        );
        assert!(other.requests().is_empty());
    }
}

#[test]
fn no_reply_shows_a_key() {
    for status in [204, 302, 400, 401, 403, 404, 413, 429, 500] {
        let server = Server::new(move |connection| {
            connection.request();
            connection.answer(status, r#"{"message":"sk-lf-hunter2"}"#);
        });
        let credentials = BASE64_STANDARD.encode("pk-lf-1:sk-lf-hunter2");
        let mut client = client(&server.url());
        let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
        for text in [format!("{reply:?}"), format!("{client:?}")] {
            assert!(!text.contains("hunter2") && !text.contains(&credentials), "{text}");
        }
    }
}

#[test]
fn a_deadline_in_the_past_opens_no_socket() {
    let server = Server::answering(OK);
    let reply = client(&server.url()).send(&Body::new(EXPORT), Deadline::after(Duration::ZERO));
    assert!(is_later(&reply), "{reply:?}");
    assert!(server.requests().is_empty());
}
