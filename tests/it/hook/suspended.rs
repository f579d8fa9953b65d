//! While the configuration is unusable, nothing is sent or declined; after the fix the turns are sent.

use std::fs;

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, traced_to};

/// The configuration without keys: tracing is on, without a destination.
fn without_keys(sandbox: &Sandbox) {
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "true"}}));
}

fn repair(sandbox: &Sandbox, mock: &MockLangfuse) {
    sandbox.config(&json!({"env": traced_to(&mock.url())}));
}

/// The notes of suspended turns.
fn notes(sandbox: &Sandbox) -> Vec<Value> {
    let mut state = sandbox.state();
    state.retain(|path| path.parent().is_some_and(|folder| folder.ends_with("suspended")));
    let read =
        |path: &std::path::PathBuf| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    state.iter().map(read).collect()
}

#[test]
fn first_contact_after_the_fix_begins_with_the_first_suspended_turn() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    without_keys(&sandbox);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).stop(1);
    let [note] = <[Value; 1]>::try_from(notes(&sandbox)).expect("one note per session");
    let first_prompt = &session.stop_event(0)["prompt_id"];
    assert_eq!(&note["prompt_id"], first_prompt);
    assert!(note["opening"]["uuid"].is_string(), "{note}");
    let text = note.to_string();
    assert!(!text.contains("Answer") && !text.contains("Prompt"), "{text}");
    repair(&sandbox, &mock);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
    assert_eq!(notes(&sandbox), [] as [Value; 0], "a used note is cleared");
}

#[test]
fn turns_before_the_suspension_are_not_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    without_keys(&sandbox);
    session.answered(1).stop(1);
    repair(&sandbox, &mock);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 2.", "Answer 3."]);
}

#[test]
fn a_cursor_sets_where_to_continue() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    without_keys(&sandbox);
    session.answered(1).stop(1);
    repair(&sandbox, &mock);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
    assert_eq!(notes(&sandbox), [] as [Value; 0]);
}

#[test]
fn a_session_that_is_declined_later_loses_its_note() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    without_keys(&sandbox);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    sandbox.config(&json!({"env": {"TRACE_TO_LANGFUSE": "false"}}));
    session.answered(1).stop(1);
    assert_eq!(notes(&sandbox), [] as [Value; 0]);
    repair(&sandbox, &mock);
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 3."]);
}

#[test]
fn a_note_survives_an_outage_after_the_fix() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    without_keys(&sandbox);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    repair(&sandbox, &mock);
    mock.reply_next(langfuse_mock::Reply::Status(503));
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), [] as [&str; 0]);
    sandbox.end_backoff();
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
    assert_eq!(mock.generations_sent(), 3);
}

#[test]
fn the_note_is_always_in_the_default_state_folder() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    without_keys(&sandbox);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_STATE_DIR"] = json!(sandbox.path("elsewhere"));
    sandbox.config(&json!({"env": env}));
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    assert_eq!(notes(&sandbox), [] as [Value; 0]);
    assert!(sandbox.path("elsewhere/claude-langfuse/sessions").is_dir());
}
