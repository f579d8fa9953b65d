//! Exports that are begun before their last part is known.

use std::io::Read;
use std::sync::mpsc;
use std::time::Instant;

use claude_langfuse::langfuse::{Client, Deadline, Problem, Reply};

use super::server::{Connection, Server, unpacked};
use super::{
    LONG, OK, SHORT, client, client_with, environment, is_network, is_problem, is_timed_out,
};
use crate::client::ClientOptions;

const FIRST: &str = r#"{"resourceSpans":["#;
const LAST: &str = "]}";

/// What was sent until now after the head, without the marks of chunks, and whether it has its end.
fn read_until(connection: &mut Connection, is_enough: impl Fn(&str) -> bool) -> (String, bool) {
    let mut upload = Vec::new();
    let mut some = [0; 4096];
    loop {
        let (text, is_whole) = unpacked(&upload);
        if is_whole || is_enough(&text) {
            return (text, is_whole);
        }
        match connection.stream.read(&mut some) {
            Ok(length @ 1..) => upload.extend(&some[..length]),
            _ => return (text, false),
        }
    }
}

fn connected(server: &Server) -> Client {
    let mut client = client(&server.url());
    assert_eq!(client.connect(Deadline::after(LONG)), Ok(()));
    client
}

#[test]
fn the_first_part_is_there_before_the_last_and_both_are_one_request() {
    let (tell, told) = mpsc::channel();
    let server = Server::new(move |connection| {
        let (first, is_whole) = read_until(connection, |text| !text.is_empty());
        tell.send((first, is_whole)).unwrap();
    });
    let mut client = connected(&server);
    let growing = client.begin(FIRST, Deadline::after(LONG)).unwrap();
    assert_eq!(told.recv().unwrap(), (FIRST.to_owned(), false));
    drop(growing);
    let server = Server::new(|connection| {
        let (text, is_whole) = read_until(connection, |_| false);
        if is_whole && text == format!("{FIRST}{LAST}") {
            connection.write(OK);
        }
    });
    client = connected(&server);
    let growing = client.begin(FIRST, Deadline::after(LONG)).unwrap();
    let first = growing.wire_len();
    let (reply, wire_len) = client.finish(growing, LAST, Deadline::after(LONG));
    assert_eq!(reply, Reply::Acknowledged);
    assert!(first > 0 && wire_len > first, "{first} {wire_len}");
}

#[test]
fn what_is_given_up_gets_no_end() {
    let (tell, told) = mpsc::channel();
    let server = Server::new(move |connection| {
        tell.send(read_until(connection, |_| false)).unwrap();
    });
    let client = connected(&server);
    drop(client.begin(FIRST, Deadline::after(LONG)).unwrap());
    assert_eq!(told.recv().unwrap(), (FIRST.to_owned(), false));
}

#[test]
fn an_answer_that_comes_before_the_end_is_heard() {
    let (tell, told) = mpsc::channel();
    let server = Server::new(move |connection| {
        read_until(connection, |text| !text.is_empty());
        connection.answer(401, "{}");
        tell.send(()).unwrap();
        read_until(connection, |_| false);
    });
    let mut client = connected(&server);
    let growing = client.begin(FIRST, Deadline::after(LONG)).unwrap();
    told.recv().unwrap();
    let (reply, _) = client.finish(growing, LAST, Deadline::after(LONG));
    assert!(is_problem(&reply, Problem::Keys), "{reply:?}");
}

#[test]
fn a_server_that_hangs_up_on_it_takes_the_next_request() {
    let (tell, told) = mpsc::channel();
    let server = Server::new(move |connection| {
        if connection.number == 0 {
            read_until(connection, |text| !text.is_empty());
            connection
                .stream
                .shutdown(std::net::Shutdown::Both)
                .unwrap();
            tell.send(()).unwrap();
        } else if connection.request() {
            connection.write(OK);
        }
    });
    let mut client = connected(&server);
    let growing = client.begin(FIRST, Deadline::after(LONG)).unwrap();
    told.recv().unwrap();
    let (reply, _) = client.finish(growing, LAST, Deadline::after(LONG));
    assert!(is_network(&reply) && !is_timed_out(&reply), "{reply:?}");
    let body = claude_langfuse::langfuse::Body::new(super::EXPORT);
    assert_eq!(
        client.send(&body, Deadline::after(LONG)),
        Reply::Acknowledged
    );
}

#[test]
fn a_server_that_does_not_answer_it_does_not_hold_us() {
    let server = Server::new(|connection| {
        read_until(connection, |_| false);
        let _ = connection.stream.read(&mut [0]);
    });
    let mut client = connected(&server);
    let start = Instant::now();
    let growing = client.begin(FIRST, Deadline::after(SHORT)).unwrap();
    let (reply, _) = client.finish(growing, LAST, Deadline::after(SHORT));
    assert!(is_timed_out(&reply), "{reply:?}");
    assert!(
        start.elapsed() < 2 * SHORT + LONG / 20,
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn nothing_is_begun_without_a_connection_of_its_own() {
    let server = Server::answering(OK);
    let new = client(&server.url());
    assert!(new.begin(FIRST, Deadline::after(LONG)).is_none());
    let proxy = environment(&[("HTTP_PROXY", &server.url())]);
    let options = ClientOptions {
        environment: proxy,
        ..ClientOptions::default()
    };
    let mut behind = client_with("http://example.invalid", options);
    assert_eq!(behind.connect(Deadline::after(LONG)), Ok(()));
    assert!(behind.begin(FIRST, Deadline::after(LONG)).is_none());
    assert_eq!(server.requests().len(), 0);
}
