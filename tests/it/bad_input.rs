//! For any input, the error is clear and nothing is lost.

mod commands;
mod paths;
mod transcripts;

use langfuse_mock::{MockLangfuse, Reply, Row};
use serde_json::json;

use crate::sandbox::{Received, Sandbox};

#[test]
fn invalid_input_is_logged_in_one_line_without_output() {
    let mock = MockLangfuse::start();
    let inputs: [&[u8]; 12] = [
        b"",
        b"\n\n",
        b"rubbish",
        b"{",
        b"{\"session_id\":",
        b"[]",
        b"42",
        b"null",
        b"{}",
        b"{\"hook_event_name\":\"Stop\",\"session_id\":7}",
        b"{\"hook_event_name\":\"Stop\",\"session_id\":\"s\",\"transcript_path\":\"relative.jsonl\"}",
        b"\x00\xff\xfe\x80 binary \x1b[31m",
    ];
    for input in inputs {
        let sandbox = Sandbox::traced(&mock);
        sandbox.raw_hook(input).silent();
        let log = sandbox.log();
        let shown = String::from_utf8_lossy(input);
        assert_eq!(log.lines().count(), 1, "{shown}: {log}");
        assert!(
            log.contains(" ERROR ") && log.contains("could not read hook event"),
            "{shown}: {log}"
        );
        assert!(!log.contains("rubbish") && !log.contains("binary"), "{log}");
    }
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn an_event_of_a_later_release_is_understood() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    let mut event = session.answered(0).stop_event(0);
    event["brand_new"] = json!({"deep": [1, 2, {"x": null}]});
    event["background_tasks"] = json!("another type");
    session.start(&event).end().silent();
    assert_eq!(mock.answers(), ["Hello from the mock."]);
}

#[test]
fn missing_keys_are_named_in_one_line_of_the_log() {
    let sandbox = Sandbox::new();
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    let session = sandbox.session("v2.1.330/simple");
    session.answered(0).stop(0);
    let log = sandbox.log();
    assert_eq!(log.lines().count(), 1, "{log}");
    for name in ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "config.json"] {
        assert!(log.contains(name), "{log}");
    }
}

#[test]
fn turns_are_delivered_after_the_configuration_is_completed() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    sandbox.config(&json!({"env": crate::sandbox::traced_to(&mock.url())}));
    session.answered(1).stop(1);
    session.whole().replay(&[]).exits(0);
    assert_eq!(mock.answers().len(), 3);
}

#[test]
fn a_rejection_names_the_server_and_a_remedy_and_loses_nothing() {
    for (status, advice) in [(401, "check the keys"), (404, "check the base URL")] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let session = sandbox.session("v2.1.330/stream-multi");
        mock.reply_next(Reply::Status(status));
        session.answered(0).stop(0);
        let log = sandbox.log();
        assert_eq!(log.lines().count(), 1, "{log}");
        let server = mock.address().to_string();
        assert!(log.contains(&server) && log.contains(advice), "{log}");
        sandbox.end_backoff();
        session.answered(1).stop(1);
        assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    }
}

#[test]
fn a_firewall_before_langfuse_affects_only_rejected_spans() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    let page = || {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Reply::StatusWithBody(403, headers, b"<!doctype html>403 Forbidden".to_vec())
    };
    // Six spans, the first three, the first two, the first one; Langfuse's health is checked and good each time.
    (0..4).for_each(|_| mock.reply_next(page()));
    session.whole().replay(&[]).exits(6);
    assert_eq!(mock.arrivals().len(), 5, "{:?}", mock.arrivals());
    let health = mock.requests().iter().filter(|one| one.path.ends_with("/health")).count();
    assert_eq!(health, 4);
    session.replay(&[]).exits(0);
    assert_eq!(mock.arrivals().len(), 6);
}

#[test]
fn a_rejected_span_does_not_block_the_others_and_is_retried() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    // Six spans, the first three, the first two, the first one.
    (0..4).for_each(|_| mock.reply_next(Reply::Status(400)));
    session.whole().replay(&[]).exits(6);
    assert_eq!(mock.arrivals().len(), 5, "{:?}", mock.arrivals());
    // The rejection may have come from a proxy.
    session.replay(&[]).exits(0);
    assert_eq!(mock.arrivals().len(), 6);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn a_span_that_is_rejected_repeatedly_is_sent_without_content() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    mock.reply_always(Some(Reply::Status(422)));
    (0..2).for_each(|_| drop(session.replay(&[]).exits(6)));
    mock.reply_always(None);
    // Both spans, the first one; then the first one without its content.
    (0..2).for_each(|_| mock.reply_next(Reply::Status(422)));
    session.replay(&[]).exits(0);
    let rows = mock.rows();
    let without = |text: &Option<String>| text.as_deref() == Some("[not captured]");
    let bare = |row: &&Row| without(&row.input) && without(&row.output);
    assert_eq!((rows.len(), rows.iter().filter(bare).count()), (2, 1));
    rows.iter().for_each(crate::metadata::validate);
}

#[test]
fn a_span_that_is_always_rejected_is_skipped() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    mock.reply_always(Some(Reply::Status(400)));
    (0..3).for_each(|_| drop(session.replay(&[]).exits(6)));
    let before = mock.requests().len();
    session.replay(&[]).exits(0);
    session.end();
    assert_eq!(mock.requests().len(), before);
}
