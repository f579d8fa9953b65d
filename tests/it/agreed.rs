//! The policy of a turn holds for any later sender with any configuration, and a change of the configuration causes no resend
//! of acknowledged spans.

use langfuse_mock::{MockLangfuse, Reply, Row};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, Session};

const CAPTURE: &str = "CC_LANGFUSE_CAPTURE";
const PATTERNS: &str = "CC_LANGFUSE_MASK_PATTERNS";

/// Senders of a turn that its own hook could not send.
#[derive(Clone, Copy, Debug)]
enum Sender {
    NextSession,
    Flush,
    End,
    Replay,
    ReplayAll,
    Again,
}

const SENDERS: [Sender; 6] = [
    Sender::NextSession,
    Sender::Flush,
    Sender::End,
    Sender::Replay,
    Sender::ReplayAll,
    Sender::Again,
];

impl Sender {
    fn send(self, sandbox: &Sandbox, session: &Session) {
        match self {
            Self::NextSession => drop(sandbox.session("v2.1.330/thinking").answered(0).stop(0)),
            Self::Flush => drop(sandbox.run(&["flush"]).exits(0)),
            Self::End => drop(session.end()),
            Self::Replay => drop(session.replay(&[]).exits(0)),
            Self::ReplayAll => drop(sandbox.run(&["replay", "--all"]).exits(0)),
            Self::Again => drop(session.replay(&["--again"]).exits(0)),
        }
    }
}

/// The server fails for the session's first turn.
fn failed_stop<'a>(mock: &MockLangfuse, sandbox: &'a Sandbox) -> Session<'a> {
    let session = sandbox.session("v2.1.330/stream-multi");
    mock.reply_next(Reply::Status(503));
    session.answered(0).stop(0);
    sandbox.end_backoff();
    session
}

fn rows_of(mock: &MockLangfuse, session: &Session) -> Vec<Row> {
    let mut rows = mock.rows();
    rows.retain(|row| row.session_id.as_deref() == Some(session.id()));
    rows
}

fn holds_content(row: &Row) -> bool {
    let texts = [&row.input, &row.output];
    let mut texts = texts.into_iter().flatten();
    texts.any(|text| !text.contains("[not captured: "))
}

#[test]
fn an_unsent_turn_keeps_its_capture_mode_for_any_sender() {
    for (first, later) in [("metadata", "full"), ("full", "metadata")] {
        for sender in SENDERS {
            let mock = MockLangfuse::start();
            let mut sandbox = Sandbox::traced(&mock);
            sandbox.set(CAPTURE, first);
            failed_stop(&mock, &sandbox);
            sandbox.set(CAPTURE, later);
            if later == "metadata" {
                // Commands that only read files.
                let mut env = crate::sandbox::traced_to(&mock.url());
                env[CAPTURE] = json!(later);
                sandbox.config(&json!({ "env": env }));
            }
            let session = sandbox.session("v2.1.330/stream-multi");
            sender.send(&sandbox, &session);
            let rows = rows_of(&mock, &session);
            assert_eq!(rows.len(), 2, "{sender:?}");
            assert!(!rows.iter().any(holds_content), "{first} {sender:?} {rows:#?}");
        }
    }
}

#[test]
fn a_turn_first_seen_during_a_back_off_keeps_its_capture_mode() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set(CAPTURE, "metadata");
    mock.reply_next(Reply::Status(503));
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1).stop(1);
    sandbox.set(CAPTURE, "full");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(2).stop(2);
    sandbox.end_backoff();
    sandbox.run(&["flush"]).exits(0);
    let answers = mock.answers();
    assert!(answers[..2].iter().all(|answer| answer.starts_with("[not captured")));
    assert_eq!(answers[2], "Answer 3.");
}

#[test]
fn the_next_turn_follows_the_configuration_of_its_own_hook() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set(CAPTURE, "metadata");
    failed_stop(&mock, &sandbox);
    sandbox.set(CAPTURE, "full");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(1).stop(1);
    let answers = mock.answers();
    assert!(answers[0].starts_with("[not captured"), "{answers:?}");
    assert_eq!(answers[1..], ["Answer 2."]);
}

#[test]
fn a_turn_that_was_acknowledged_is_not_sent_again_in_another_mode() {
    for (first, later) in [("metadata", "full"), ("full", "metadata")] {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.set(CAPTURE, first);
        let session = sandbox.session("v2.1.330/tools");
        session.answered(0).stop(0);
        let sent = mock.accepted_spans().len();
        sandbox.set(CAPTURE, later).set("CC_LANGFUSE_MAX_CHARS", "50");
        let session = sandbox.session("v2.1.330/tools");
        session.whole();
        sandbox.run(&["flush"]).exits(0);
        session.replay(&[]).exits(0);
        session.end();
        assert_eq!(mock.accepted_spans().len(), sent, "{first} to {later}");
    }
}

#[test]
fn only_an_explicit_mode_for_the_session_sends_omitted_content() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set(CAPTURE, "metadata");
    let session = sandbox.session("v2.1.330/simple");
    session.whole().end();
    let id = session.id().to_owned();
    sandbox.set(CAPTURE, "full");
    sandbox.run(&["replay", &id, "--again"]).exits(0);
    assert!(mock.answers()[0].starts_with("[not captured"));
    sandbox.run(&["replay", &id, "--again", "--capture", "full"]).exits(0);
    assert_eq!(mock.answers(), ["Hello from the mock."]);
    sandbox.run(&["replay", "--all", "--capture", "full"]).exits(2);
    sandbox.run(&["replay", &id, "--capture", "everything"]).exits(2);
    // The explicit mode was for that run only.
    sandbox.run(&["replay", &id, "--again"]).exits(0);
    assert!(mock.answers()[0].starts_with("[not captured"));
}

#[test]
fn a_removed_pattern_holds_the_turn_back_until_it_returns() {
    for (first, later) in [
        ("Answer", ""),
        ("Answer\nQuestion", "Question"),
        ("Answer", "Answer\n!^Ans"),
        ("Answer\n!^Ans", "Answer\n!^Answer"),
    ] {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.set(PATTERNS, first);
        failed_stop(&mock, &sandbox);
        sandbox.set(PATTERNS, later);
        let session = sandbox.session("v2.1.330/stream-multi");
        let flushed = sandbox.run(&["flush"]).exits(0);
        assert!(flushed.stdout.contains("1 skipped"), "{}", flushed.stdout);
        let replayed = session.replay(&["--json"]).exits(0);
        assert_eq!(replayed.json()[0]["policy_not_met"], 1);
        drop(sandbox.session("v2.1.330/thinking").answered(0).stop(0));
        assert!(rows_of(&mock, &session).is_empty(), "{first} {later}");
        sandbox.set(PATTERNS, first);
        let session = sandbox.session("v2.1.330/stream-multi");
        session.replay(&[]).exits(0);
        assert_eq!(rows_of(&mock, &session).len(), 2, "{first} {later}");
    }
}

#[test]
fn the_sessions_own_hook_continues_after_a_turn_that_it_can_not_send() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set(PATTERNS, "Answer");
    failed_stop(&mock, &sandbox);
    sandbox.set(PATTERNS, "");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 2."]);
    assert!(sandbox.log().contains("policy not met"), "{}", sandbox.log());
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 2.", "Answer 3."]);
    // A sender with the pattern sends the turn.
    let argument = session.argument();
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers().len(), 2);
    sandbox.set(PATTERNS, "Answer\nmore");
    sandbox.run(&["replay", &argument]).exits(0);
    assert_eq!(mock.answers(), ["[masked: custom, 6 chars] 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn further_mask_patterns_and_fewer_allow_patterns_are_accepted() {
    for (first, later) in [("", "Answer"), ("Answer\n!^x", "more\nAnswer")] {
        let mock = MockLangfuse::start();
        let mut sandbox = Sandbox::traced(&mock);
        sandbox.set(PATTERNS, first);
        failed_stop(&mock, &sandbox);
        sandbox.set(PATTERNS, later);
        let session = sandbox.session("v2.1.330/stream-multi");
        session.replay(&[]).exits(0);
        assert_eq!(mock.answers(), ["[masked: custom, 6 chars] 1."], "{first}");
    }
}

#[test]
fn masking_that_was_on_stays_on_for_the_turn() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    failed_stop(&mock, &sandbox);
    sandbox.set("CC_LANGFUSE_MASK", "false");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    let cursor: Value = serde_json::from_slice(&std::fs::read(sandbox.cursor()).unwrap()).unwrap();
    let runs = cursor["agreed"].as_array().unwrap();
    let unmasked: Vec<bool> = runs.iter().map(|run| run["value"]["unmasked"] == true).collect();
    assert_eq!(unmasked, [false, true]);
}

#[test]
fn an_agent_that_continues_later_follows_the_turn_that_launched_it() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set(CAPTURE, "metadata");
    let session = sandbox.session("v2.1.330/subagent-background");
    session.answered(0).stop(0);
    let before = mock.rows().len();
    session.whole();
    sandbox.set(CAPTURE, "full");
    sandbox.run(&["flush"]).exits(0);
    let rows = mock.rows();
    let is_of_agent = |row: &&Row| row.metadata.contains_key("agent_id");
    let agent = rows.iter().find(is_of_agent).expect("the agent");
    let below: Vec<&Row> = rows.iter().filter(|row| row.trace_id == agent.trace_id).collect();
    assert!(rows.len() > before && below.len() > 3);
    assert!(!below.into_iter().any(holds_content), "{rows:#?}");
}

#[test]
fn repair_sends_missing_spans_under_the_agreed_policy() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set(CAPTURE, "metadata");
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.whole().end();
    let id = session.id().to_owned();
    let rows = mock.rows();
    mock.clear();
    sandbox.set(CAPTURE, "full");
    sandbox.run(&["verify", &id, "--repair", "--wait", "0"]).exits(0);
    assert_eq!(mock.rows(), rows);
}

/// Rewrites the cursor as a release with state schema 2 wrote it.
fn age(sandbox: &Sandbox) {
    let path = sandbox.cursor();
    let mut cursor: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    cursor["schema"] = json!(2);
    let marks = |marks: &mut Value| {
        for mark in marks.as_object_mut().into_iter().flatten().map(|(_, mark)| mark) {
            let parts = mark.as_array().unwrap();
            let is_call = parts.get(2).is_none_or(Value::is_u64);
            *mark = match is_call {
                true => json!(format!("rows:{}", parts[1])),
                false => json!("0123456789abcdef"),
            };
        }
    };
    let fields = cursor.as_object_mut().unwrap();
    fields.remove("agreed").expect("what was agreed");
    fields.remove("marked_by").expect("a version");
    fields.get_mut("acknowledged").map(marks);
    for key in ["contexts", "lanes"] {
        let entries = fields.get_mut(key).and_then(Value::as_object_mut);
        for (_, entry) in entries.into_iter().flatten() {
            let entry = entry.as_object_mut().unwrap();
            entry.remove("agreed");
            entry.get_mut("acknowledged").map(marks);
        }
    }
    // In the order of writing.
    let text = cursor.to_string();
    std::fs::write(path, text).unwrap();
}

#[test]
fn marks_of_schema_2_cause_no_span_to_be_sent_again() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent-background");
    session.whole();
    session.grow(usize::MAX);
    session.stop(0);
    let sent = mock.accepted_spans().len();
    age(&sandbox);
    session.end();
    sandbox.run(&["flush"]).exits(0);
    session.replay(&[]).exits(0);
    assert_eq!(mock.accepted_spans().len(), sent);
    assert!(sandbox.cursor().with_extension("bad").metadata().is_err());
}

#[test]
fn marks_of_schema_2_lose_no_update() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/stop-block");
    session.answered(0).stop(0);
    let before = mock.accepted_spans();
    age(&sandbox);
    session.answered(1).stop(1);
    let after = mock.accepted_spans();
    let again: Vec<&Row> = after[before.len()..]
        .iter()
        .filter(|row| before.iter().any(|old| old.span_id == row.span_id))
        .collect();
    assert!(again.iter().all(|row| row.name == "claude-code"), "{again:#?}");
    assert_eq!(again.len(), 1);
    let rows = mock.rows();
    session.replay(&["--again"]).exits(0);
    assert_eq!(mock.rows(), rows);
}
