//! Scripted replies: a client sees each fault as intended.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use langfuse_mock::{MockLangfuse, Reply};

use super::client::{Client, export, get};

/// Sends one span to a server with this planned reply.
fn planned(reply: Reply) -> (MockLangfuse, Client) {
    let server = MockLangfuse::start();
    server.reply_next(reply);
    let mut client = Client::connect(&server);
    client.post(&export("b7ad6b7169203331", 0, "done"));
    (server, client)
}

#[test]
fn planned_replies_come_once_in_order_before_the_default_one() {
    let (server, mut client) = planned(Reply::Status(503));
    server.reply_next(Reply::RateLimited(7));
    server.reply_always(Some(Reply::Redirect("https://cloud.langfuse.com".to_owned())));
    assert_eq!(client.status(), 503);
    client.post(&export("b7ad6b7169203331", 0, "done"));
    let (head, _) = client.reply();
    assert!(head.starts_with("HTTP/1.1 429") && head.contains("retry-after: 7\r\n"), "{head}");
    for _ in 0..2 {
        client.post(&export("b7ad6b7169203331", 0, "done"));
        let (head, _) = client.reply();
        assert!(
            head.starts_with("HTTP/1.1 302") && head.contains("location: https://cloud"),
            "{head}"
        );
    }
    assert_eq!(get(&server, "/api/public/health").0, 200);
    server.reply_always(None);
    assert!(server.rows().is_empty());
    client.post(&export("b7ad6b7169203331", 0, "done"));
    assert_eq!(client.status(), 200);
    let statuses: Vec<Option<u16>> =
        server.exports().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(503), Some(429), Some(302), Some(302), Some(200)]);
}

#[test]
fn a_200_that_stored_nothing_is_marked_as_lost() {
    for reply in [Reply::Lose, Reply::Html, Reply::Status(204)] {
        let (server, mut client) = planned(reply);
        client.reply();
        assert!(server.rows().is_empty() && server.requests()[0].lost);
    }
    let (server, mut client) = planned(Reply::AcceptThen(Box::new(Reply::Status(504))));
    assert_eq!(client.status(), 504);
    assert!(server.rows().len() == 1 && !server.requests()[0].lost);
}

#[test]
fn connections_end_as_planned() {
    let (server, mut client) = planned(Reply::Reset);
    assert_eq!(client.rest(), Err(ErrorKind::ConnectionReset));
    assert!(server.rows().is_empty() && server.requests()[0].status.is_none());
    let (server, mut client) = planned(Reply::AcceptThenReset);
    assert_eq!(client.rest(), Err(ErrorKind::ConnectionReset));
    assert_eq!(server.rows().len(), 1);
    let (_server, mut client) = planned(Reply::CloseWithoutReply);
    assert_eq!(client.rest(), Ok(Vec::new()));
    let (_server, mut client) = planned(Reply::Garbage);
    assert!(client.rest().unwrap().starts_with(b"SSH"));
    let (_server, mut client) = planned(Reply::HalfBody);
    let cut = String::from_utf8(client.rest().unwrap()).unwrap();
    assert!(
        cut.starts_with("HTTP/1.1 200") && cut.contains("otel-ingestion") && !cut.ends_with('}'),
        "{cut}"
    );
}

#[test]
fn slow_replies_are_slow_and_stop_with_the_server() {
    let pause = Duration::from_millis(80);
    let start = Instant::now();
    let (_server, mut client) = planned(Reply::Delay(pause, Box::new(Reply::Status(500))));
    assert_eq!(client.status(), 500);
    assert!(start.elapsed() >= pause);
    for reply in [
        Reply::Hang,
        Reply::Drip(Duration::from_millis(1)),
        Reply::Delay(Duration::from_secs(600), Box::new(Reply::Normal)),
    ] {
        let (server, mut client) = planned(reply);
        client.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        drop(client.stream.read(&mut [0; 8]));
        let stopping = Instant::now();
        drop(server);
        assert!(stopping.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_stopped_server_can_be_started_again_where_it_was() {
    let server = MockLangfuse::start();
    let address = server.address();
    get(&server, "/api/public/health");
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    let server = MockLangfuse::start_at(&address.to_string(), "pk-lf-test", "sk-lf-test");
    assert_eq!(get(&server, "/api/public/projects").0, 200);
}
