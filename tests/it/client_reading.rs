//! The client as a reader: pages, sessions with odd names, endless listings.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base::Timestamp;
use claude_langfuse::langfuse::{Body, Deadline, Query, Verdict};
use langfuse_mock::{MockLangfuse, Reading};
use serde_json::{Value, json};

use super::{LONG, SHORT, client};

const SESSION: &str = "a session/with & odd = name é+";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The last page does not count.
fn times() -> std::ops::Range<Timestamp> {
    Timestamp::from_millis(1_782_000_000_123)..Timestamp::from_millis(1_782_000_000_124)
}

/// A server with this many observations of one session, in one trace.
fn server_with(count: usize) -> MockLangfuse {
    let server = MockLangfuse::start_with_keys("pk-lf-1", "sk-lf-hunter2");
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = |number: usize| {
        json!({
            "traceId": TRACE, "spanId": format!("{number:016x}"), "name": "n", "kind": 1, "status": {},
            "startTimeUnixNano": "1782000000123000000", "endTimeUnixNano": "1782000000123000000",
            "attributes": [
                attribute("session.id", SESSION),
                attribute("langfuse.observation.type", "generation"),
                attribute("langfuse.observation.usage_details", "{\"input\":7}"),
            ],
        })
    };
    let spans: Vec<Value> = (0..count).map(span).collect();
    let export = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    let body = Body::new(export.to_string().as_bytes());
    let reply = client(&server.url()).send(&body, Deadline::after(LONG));
    assert_eq!(reply, Verdict::Acknowledged);
    server
}

#[test]
fn all_pages_of_a_session_are_read_over_one_connection() {
    let server = server_with(65);
    let mut client = client(&server.url());
    let wanted = Query::of_session(SESSION, times());
    let mut ids = BTreeSet::new();
    let mut read = |next: Option<&str>| {
        let page = client.observations(&wanted, next, Deadline::after(LONG));
        let page = page.unwrap().expect("the server has this API");
        assert!(
            page.observations.iter().all(|row| row.trace_id == TRACE && row.usage["input"] == 7)
        );
        ids.extend(page.observations.iter().map(|row| row.span_id.clone()));
        (page.observations.len(), page.next)
    };
    let (first, next) = read(None);
    let (second, end) = read(next.as_deref());
    assert_eq!((first, second, end), (64, 1, None));
    assert_eq!(ids.len(), 65);
}

#[test]
fn a_server_of_the_older_tables_is_read_trace_by_trace() {
    let server = server_with(65);
    server.show(Reading::Old);
    let mut client = client(&server.url());
    let deadline = || Deadline::after(LONG);
    let wanted = Query::of_trace(TRACE, times());
    assert_eq!(client.observations(&wanted, None, deadline()), Ok(None));
    let first = client.old_observations(&wanted, None, deadline()).unwrap();
    let second = client.old_observations(&wanted, first.next.as_deref(), deadline()).unwrap();
    assert_eq!((first.observations.len(), second.observations.len()), (64, 1));
    assert_eq!(second.next, None);
}

#[test]
fn a_read_respects_its_deadline() {
    for reply in [langfuse_mock::Reply::Hang, langfuse_mock::Reply::Drip(Duration::from_millis(50))]
    {
        let server = server_with(1);
        server.reply_to_reader(reply);
        let start = Instant::now();
        let wanted = Query::of_session(SESSION, times());
        let answer = client(&server.url()).observations(&wanted, None, Deadline::after(SHORT));
        assert!(matches!(answer, Err(Verdict::Later { timed_out: true, .. })), "{answer:?}");
        assert!(start.elapsed() < SHORT * 20);
    }
}
