//! `flush` sends turns that hooks could not send, each session only to its first destination.

use langfuse_mock::{MockLangfuse, Reply};
use serde_json::json;

use crate::sandbox::{Received, Sandbox, traced_to};

#[test]
fn rows_since_the_last_hook_of_a_session_are_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole();
    let ran = sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert!(ran.stdout.contains(session.id()), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 session: 2 turns, 4 observations sent"), "{}", ran.stdout);
    let before = mock.requests().len();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.requests().len(), before);
}

#[test]
fn an_unfinished_turn_is_left_to_its_hook() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut session = sandbox.session("v2.1.330/stream-multi");
    // The recording may be too old; this session is current.
    session.recording = session.recording.moved_to_now();
    session.answered(0).stop(0);
    session.before_answer(1);
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1."]);
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    assert_eq!(mock.generations_sent(), 2);
}

#[test]
fn a_session_that_no_hook_has_seen_is_skipped() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sandbox.session("v2.1.330/simple").whole();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn a_session_with_another_destination_is_skipped_and_counted() {
    let [first, second] = [MockLangfuse::start(), MockLangfuse::start()];
    let sandbox = Sandbox::traced(&first);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole();
    sandbox.config(&json!({"env": traced_to(&second.url())}));
    let ran = sandbox.run(&["flush"]).exits(0);
    assert!(ran.stdout.contains("1 session skipped"), "{}", ran.stdout);
    let ran = sandbox.run(&["flush", "--json"]).exits(0);
    assert_eq!(ran.json().last().unwrap()["skipped"], 1);
    assert_eq!(first.answers(), ["Answer 1."]);
    assert_eq!(second.requests().len(), 0);
    // After the server is back, it continues where it stopped.
    sandbox.config(&json!({"env": traced_to(&first.url())}));
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(first.answers().len(), 3);
}

#[test]
fn a_session_of_a_project_that_is_no_longer_traced_is_skipped() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole();
    let mut env = traced_to(&mock.url());
    env["TRACE_TO_LANGFUSE"] = json!("false");
    sandbox.config(&json!({"env": env}));
    let ran = sandbox.run(&["flush"]).exits(0);
    assert!(ran.stdout.contains("1 session skipped"), "{}", ran.stdout);
    assert_eq!(mock.answers(), ["Answer 1."]);
}

#[test]
fn a_removed_transcript_is_no_failure() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    mock.reply_next(Reply::Status(503));
    session.whole().end();
    std::fs::remove_file(session.path()).unwrap();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers(), [""; 0]);
}

#[test]
fn an_unreachable_server_is_exit_code_4_and_tried_once() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    for recording in ["v2.1.330/simple", "v2.1.330/thinking", "v2.1.330/tools"] {
        let session = sandbox.session(recording);
        mock.reply_next(Reply::Status(503));
        session.whole().end();
        sandbox.end_backoff();
    }
    let before = mock.requests().len();
    mock.reply_always(Some(Reply::Status(503)));
    sandbox.run(&["flush"]).exits(4);
    assert_eq!(mock.requests().len(), before + 1);
    mock.reply_always(None);
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.answers().len(), 3);
}
