//! Commands within Claude Code need no session: the default of `score` and `show` is the newest finished turn of its session.

use serde_json::Value;

use crate::sandbox::{Recording, Sandbox, unused_address};
use langfuse_mock::MockLangfuse;

const STREAM: &str = "v2.1.330/stream-multi";
const COMPACT: &str = "v2.1.330/compact";

/// The turn that a dry run scores, by its trace.
fn scored_trace(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let ran = sandbox.run(&[&["score"], arguments, &["--dry-run"]].concat()).exits(0);
    let batch: Value = serde_json::from_str(&ran.stdout).unwrap();
    batch["batch"][0]["body"]["traceId"].as_str().unwrap().to_owned()
}

fn shown_turns(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    let rows = sandbox.run(&[&["show", "--json"], arguments].concat()).exits(0).json();
    let mut turns: Vec<Value> =
        rows.iter().map(|row| row["metadata"]["turn_number"].clone()).collect();
    turns.retain(|turn| !turn.is_null());
    turns.dedup();
    turns
}

#[test]
fn the_newest_turn_is_scored_and_shown() {
    let mut sandbox = Sandbox::new();
    let stream = Recording::open(STREAM);
    sandbox.session(STREAM).whole();
    sandbox.session(COMPACT).whole();
    let id = stream.sessions[0].session.clone();
    sandbox.set("CLAUDE_CODE_SESSION_ID", &id);
    let newest = format!("{id}#3");
    assert_eq!(scored_trace(&sandbox, &["a=1"]), scored_trace(&sandbox, &[&newest, "a=1"]));
    assert_eq!(shown_turns(&sandbox, &[]), ["3"]);
    assert_eq!(shown_turns(&sandbox, &["--turn", "2"]), ["2"]);
    assert_eq!(shown_turns(&sandbox, &[&id]), ["1", "2", "3"]);
}

#[test]
fn a_turn_that_runs_is_neither_scored_nor_shown() {
    let mut sandbox = Sandbox::new();
    let recording = Recording::open(STREAM).moved_to_now();
    let session = &recording.sessions[0];
    let rows: Vec<Value> = session.rows().collect();
    let is_prompt = |row: &Value| row["type"] == "user" && !row["turnOrigin"].is_null();
    let prompts: Vec<usize> =
        rows.iter().enumerate().filter(|(_, row)| is_prompt(row)).map(|(at, _)| at).collect();
    assert_eq!(prompts.len(), 3, "{prompts:?}");
    sandbox.set("CLAUDE_CODE_SESSION_ID", &session.session);
    // Its prompt is written, then its answer too, but no end.
    sandbox.grow(session, prompts[1] + 1);
    let first = scored_trace(&sandbox, &[&format!("{}#1", session.session), "a=1"]);
    assert_eq!(scored_trace(&sandbox, &["a=1"]), first);
    assert_eq!(shown_turns(&sandbox, &[]), ["1"]);
}

#[test]
fn without_a_turn_to_score_a_message_is_printed() {
    let mut sandbox = Sandbox::new();
    let ran = sandbox.run(&["score", "helpful=true"]).exits(2);
    assert!(ran.stderr.contains("no session is named"), "{}", ran.stderr);
    sandbox.session(STREAM).grow(3);
    for (words, reason) in [
        (&["3f2a"][..], "no score is given"),
        (&["3f2a", "quality=4", "good"], "good is no NAME=VALUE"),
        (&["3f2a", "=4"], "give NAME=VALUE"),
    ] {
        let ran = sandbox.run(&[&["score"], words].concat()).exits(2);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    }
    sandbox.set("CLAUDE_CODE_SESSION_ID", "0f0f0f0f-0000-4000-8000-000000000000");
    sandbox.run(&["score", "helpful=true"]).exits(1);
    sandbox.run(&["show"]).exits(1);
}

#[test]
fn a_score_without_a_session_is_accepted_with_its_link() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let session = sandbox.session(STREAM);
    let id = session.whole().id().to_owned();
    sandbox.set("CLAUDE_CODE_SESSION_ID", &id);
    let ran = sandbox.run(&["score", "helpful=true", "--comment", "found it"]).exits(0);
    assert!(ran.stdout.contains("turn 3 of session"), "{}", ran.stdout);
    assert_eq!(mock.scores().len(), 1);
    let mut sandbox = Sandbox::traced_to(&format!("http://{}", unused_address()));
    sandbox.session(STREAM).whole();
    sandbox.set("CLAUDE_CODE_SESSION_ID", &id);
    sandbox.run(&["score", "helpful=true"]).exits(4);
}
