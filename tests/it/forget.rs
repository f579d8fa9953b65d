//! `forget` deletes turns in Langfuse, and only a confirmed replay sends them again.

use std::fs;

use langfuse_mock::{MockLangfuse, Reading};
use serde_json::{Value, json};

use crate::sandbox::{Ran, Received, Sandbox, Session, traced_to, unused_address};

const FOREIGN: &str = "0af7651916cd43dd8448eb211c80319c";
const MULTI: &str = "v2.1.330/stream-multi";

fn forget(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.run(&[&["forget", "--wait", "2"], arguments].concat())
}

/// A sent session of three turns.
fn sent<'a>(sandbox: &'a Sandbox) -> Session<'a> {
    let session = sandbox.session(MULTI);
    session.whole().replay(&[]).exits(0);
    session
}

fn deletions(mock: &MockLangfuse) -> usize {
    mock.requests().iter().filter(|request| request.method == "DELETE").count()
}

#[test]
fn a_forgotten_turn_is_sent_again_only_by_a_confirmed_replay() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    sent(&sandbox);
    sandbox
        .screen()
        .hide(mock.url(), "http://langfuse.test")
        .types("claude-langfuse forget 8ceb#2 --dry-run")
        .types("claude-langfuse forget 8ceb#2")
        .types("claude-langfuse forget 8ceb#2 --yes --wait 2")
        .types("claude-langfuse forget 8ceb#2 --yes --wait 2 --json")
        .types("claude-langfuse verify 8ceb --wait 0")
        .types("claude-langfuse replay 8ceb")
        .types("claude-langfuse replay 8ceb --again")
        .types("claude-langfuse replay 8ceb --again --yes")
        .is("forget");
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn failures_are_reported_with_a_remedy() {
    let sandbox = Sandbox::traced_to(&format!("http://{}", unused_address()));
    sandbox.session(MULTI).whole();
    sandbox
        .screen()
        .types("claude-langfuse forget --help")
        .types("claude-langfuse forget")
        .types("claude-langfuse forget ffff")
        .types("claude-langfuse forget 8ceb#9 --yes")
        .types("claude-langfuse forget 8ceb")
        .types("claude-langfuse replay 8ceb --yes")
        .is("forget_errors");
    forget(&sandbox, &["8ceb", "--yes"]).exits(4);
    // Turns that could not be deleted are still not sent again.
    let mock = MockLangfuse::start();
    let mut env = traced_to(&mock.url());
    env["LANGFUSE_SECRET_KEY"] = json!("sk-lf-other");
    sandbox.config(&json!({"env": env}));
    forget(&sandbox, &["8ceb", "--yes"]).exits(5);
}

#[test]
fn turns_that_could_not_be_deleted_are_not_sent_again() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sent(&sandbox);
    let address = mock.address().to_string();
    drop(mock);
    forget(&sandbox, &[session.id(), "--yes"]).exits(4);
    let mock = MockLangfuse::start_at(&address, "pk-lf-test", "sk-lf-test");
    session.replay(&[]).exits(0);
    session.replay(&["--again"]).exits(0);
    sandbox.run(&["replay", "--all", "--again"]).exits(0);
    assert!(mock.rows().is_empty());
    forget(&sandbox, &[session.id(), "--yes"]).exits(0);
    assert_eq!(deletions(&mock), 1);
}

#[test]
fn hooks_continue_with_the_next_turn() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(MULTI);
    session.answered(0).stop(0);
    session.answered(1).stop(1);
    forget(&sandbox, &[&format!("{}#2", session.id()), "--yes"]).exits(0);
    // The open turn is the forgotten one.
    session.stop(1);
    assert_eq!(mock.answers(), ["Answer 1."]);
    session.whole().stop(2);
    session.end();
    sandbox.run(&["flush"]).exits(0);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    let numbers: Vec<String> =
        mock.rows().iter().map(|row| row.metadata["turn_number"].clone()).collect();
    assert!(!numbers.contains(&"2".to_owned()) && numbers.contains(&"3".to_owned()));
}

#[test]
fn a_turn_that_still_runs_is_forgotten_to_its_end() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(MULTI);
    session.answered(0).stop(0);
    session.before_answer(1);
    forget(&sandbox, &[&format!("{}#2", session.id()), "--yes"]).exits(0);
    session.answered(1).stop(1);
    assert_eq!(mock.answers(), ["Answer 1."]);
    session.whole().stop(2);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
}

#[test]
fn turns_waiting_before_a_forgotten_one_are_still_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(MULTI);
    session.answered(0).stop(0);
    session.answered(2);
    forget(&sandbox, &[&format!("{}#3", session.id()), "--yes"]).exits(0);
    session.stop(2);
    session.whole().end();
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2."]);
    session.replay(&["--again", "--yes"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 2.", "Answer 3."]);
}

#[test]
fn forget_needs_no_state_and_writes_it() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sent(&sandbox);
    fs::remove_dir_all(sandbox.state_folder()).unwrap();
    forget(&sandbox, &[&format!("{}#2", session.id()), "--yes"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
    let arrived = mock.arrivals().len();
    sandbox.run(&["flush"]).exits(0);
    assert_eq!(mock.arrivals().len(), arrived);
    sandbox.run(&["replay", "--all"]).exits(0);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
}

#[test]
fn turns_skipped_before_keep_their_reason() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(MULTI);
    // First contact happens later.
    session.answered(2).stop(2);
    assert_eq!(mock.answers(), ["Answer 3."]);
    forget(&sandbox, &[&format!("{}#1", session.id()), "--yes"]).exits(0);
    let cursor: Value = serde_json::from_slice(&fs::read(sandbox.cursor()).unwrap()).unwrap();
    let skipped = cursor["passed"].as_array().unwrap();
    let why = skipped.iter().map(|range| range["why"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(why, ["forgotten", "before-first-contact"]);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 2.", "Answer 3."]);
}

#[test]
fn a_rewritten_transcript_resends_no_forgotten_turn() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(MULTI);
    session.answered(1).replay(&[]).exits(0);
    forget(&sandbox, &[&format!("{}#2", session.id()), "--yes"]).exits(0);
    session.whole();
    let text = fs::read_to_string(session.path()).unwrap();
    let (_first_row, rest) = text.split_once('\n').unwrap();
    let new = sandbox.write("new.jsonl", rest.as_bytes());
    fs::rename(new, session.path()).unwrap();
    session.stop(2);
    session.replay(&[]).exits(0);
    session.replay(&["--again"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1.", "Answer 3."]);
}

#[test]
fn forgetting_a_session_deletes_only_its_own_scores() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sent(&sandbox);
    let other = sandbox.session("v2.1.330/simple");
    other.whole().replay(&[]).exits(0);
    sandbox.run(&["score", session.id(), "solved=true"]).exits(0);
    sandbox.run(&["score", &format!("{}#1", session.id()), "helpful=true"]).exits(0);
    sandbox.run(&["score", other.id(), "solved=true"]).exits(0);
    let foreign = json!({"id": "mine", "sessionId": session.id(), "name": "solved", "value": 1});
    post(&mock, "/api/public/scores", &foreign);
    let ran = forget(&sandbox, &[session.id(), "--yes", "--json"]).exits(0);
    let told = ran.json();
    assert_eq!(told[0]["session_scores"], 1, "{told:?}");
    assert_eq!(mock.answers().len(), 1);
    let scores: Vec<String> =
        mock.scores().iter().map(|row| row.text("sessionId").to_owned()).collect();
    assert_eq!(scores, [other.id(), session.id()]);
}

fn post(mock: &MockLangfuse, path: &str, body: &Value) {
    use base64::Engine;
    let keys = base64::engine::general_purpose::STANDARD.encode("pk-lf-test:sk-lf-test");
    let request = ureq::post(format!("{}{path}", mock.url()));
    let sent = request.header("authorization", format!("Basic {keys}")).send(body.to_string());
    assert_eq!(sent.unwrap().status(), 200);
}

#[test]
fn turns_in_another_applications_trace_are_rejected() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_TRACEPARENT", format!("00-{FOREIGN}-b7ad6b7169203331-01"));
    sandbox.session(MULTI).answered(0).stop(0);
    sandbox.unset("CC_LANGFUSE_TRACEPARENT");
    let session = sandbox.session(MULTI);
    session.answered(1).stop(1);
    session.whole().stop(2);
    session.end();
    let ran = forget(&sandbox, &[&format!("{}#1", session.id()), "--yes"]).exits(1);
    assert!(ran.stderr.contains("part of another application's trace"), "{}", ran.stderr);
    assert_eq!(deletions(&mock), 0);
    // The rest of the session is deleted, and the remaining traces are named.
    let ran = forget(&sandbox, &[session.id(), "--yes"]).exits(1);
    assert!(ran.stdout.contains("delete there: turn 1\n"), "{}", ran.stdout);
    let traces: Vec<String> = mock.rows().into_iter().map(|row| row.trace_id).collect();
    assert!(!traces.is_empty() && traces.iter().all(|trace| trace == FOREIGN), "{traces:?}");
}

#[test]
fn turns_of_a_seed_are_found_by_their_trace() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    sandbox.set("CC_LANGFUSE_TRACE_SEED", "run-7");
    sandbox.session(MULTI).whole().replay(&[]).exits(0);
    assert_eq!(mock.answers().len(), 3);
    sandbox.unset("CC_LANGFUSE_TRACE_SEED");
    let session = sandbox.session(MULTI);
    forget(&sandbox, &[&format!("{}#2..3", session.id()), "--yes"]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1."]);
    session.replay(&[]).exits(0);
    assert_eq!(mock.answers(), ["Answer 1."]);
}

#[test]
fn an_agent_that_continues_after_its_turn_was_forgotten_is_not_sent() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/subagent-background");
    session.answered(0);
    for agent in &session.recording.agents {
        sandbox.grow(agent, agent.lines.len() / 2);
    }
    session.stop(0);
    forget(&sandbox, &[&format!("{}#1", session.id()), "--yes"]).exits(0);
    let left = mock.rows().len();
    session.whole().stop(1);
    session.end();
    session.replay(&[]).exits(0);
    let rows = mock.rows();
    assert!(rows.len() > left);
    assert!(
        rows.iter().all(|row| row.name != "general-purpose"),
        "{}",
        langfuse_mock::render(&rows)
    );
}

#[test]
fn older_servers_are_read_by_trace() {
    let mock = MockLangfuse::start();
    mock.show(Reading::Old);
    let sandbox = Sandbox::traced(&mock);
    let session = sent(&sandbox);
    forget(&sandbox, &[session.id(), "--yes"]).exits(0);
    assert!(mock.rows().is_empty());
}

#[test]
fn traces_that_langfuse_still_shows_are_named() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sent(&sandbox);
    let ran = sandbox.run(&["forget", session.id(), "--yes", "--wait", "0"]).exits(1);
    assert!(ran.stdout.contains("Langfuse still shows 3 traces"), "{}", ran.stdout);
    let ran = forget(&sandbox, &[session.id(), "--yes"]).exits(0);
    assert!(ran.stdout.contains("was not there"), "{}", ran.stdout);
}
