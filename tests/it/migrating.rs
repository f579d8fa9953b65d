//! Migration from another hook: turns that it sent are not sent again, all others are.

use langfuse_mock::MockLangfuse;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::sandbox::{Received, Sandbox, Session};

/// Another hook has read this many bytes of the session.
fn former_hook_read(sandbox: &Sandbox, session: &Session<'_>, offset: usize) {
    let named = format!("{}::{}", session.id(), session.argument());
    let digest = Sha256::digest(named.as_bytes());
    let key: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let state = json!({
        key: {"offset": offset, "buffer": "", "turn_count": 1, "updated": "2026-11-23T06:40:46Z"},
        "0".repeat(64): {"offset": 17},
    });
    sandbox.write(".claude/state/langfuse_state.json", state.to_string().as_bytes());
}

#[test]
fn the_first_turn_after_the_other_hook_is_the_first_that_is_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0);
    let read = std::fs::read(session.path()).unwrap().len();
    former_hook_read(&sandbox, &session, read);
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 2."]);
    session.whole().stop(2);
    assert_eq!(mock.answers(), ["Answer 2.", "Answer 3."]);
}

#[test]
fn a_turn_that_the_other_hook_has_is_left_to_it() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0);
    let read = std::fs::read(session.path()).unwrap().len();
    former_hook_read(&sandbox, &session, read);
    session.stop(0);
    assert_eq!(mock.rows().len(), 0, "the other hook has sent it");
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 2."]);
}

#[test]
fn an_explicit_replay_also_sends_turns_of_the_other_hook() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(1);
    let read = std::fs::read(session.path()).unwrap().len();
    former_hook_read(&sandbox, &session, read);
    session.stop(1);
    assert_eq!(mock.rows().len(), 0);
    session.whole().replay(&[]).exits(0);
    let mut answers = mock.answers();
    answers.sort();
    assert_eq!(answers, ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn turns_of_the_other_hook_are_not_sent_after_a_rewrite_before_the_next_turn() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(1);
    let read = std::fs::read(session.path()).unwrap().len();
    former_hook_read(&sandbox, &session, read);
    session.stop(1);
    session.whole();
    let text = std::fs::read_to_string(session.path()).unwrap();
    let (_first_row, rest) = text.split_once('\n').unwrap();
    let new = sandbox.write("new.jsonl", rest.as_bytes());
    std::fs::rename(new, session.path()).unwrap();
    session.stop(2);
    assert_eq!(mock.answers(), ["Answer 3."]);
}

#[test]
fn a_state_of_another_session_changes_nothing() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let other = sandbox.session("v2.1.330/simple");
    former_hook_read(&sandbox, &other, 1_000_000);
    other.whole().stop(0);
    sandbox.session("v2.1.330/unicode").whole().stop(0);
    assert_eq!(mock.exports().len(), 2);
}
