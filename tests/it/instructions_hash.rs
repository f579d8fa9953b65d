//! The metadata `instructions_hash` on the root of a turn. Property tests check it for any split, rewrite and fork.

use std::collections::BTreeMap;
use std::fs;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, is_turn};

/// Instructions appear during the session, and change between the two.
const SESSIONS: [&str; 2] =
    ["78e9a408-c2a0-4b57-8b81-6d43fbe7c206", "0c2589f7-85ec-482c-8159-eab034db9b6c"];

fn text(session: &str) -> String {
    fs::read_to_string(format!("tests/fixtures/instructions/{session}.jsonl")).unwrap()
}

fn write_recorded(sandbox: &Sandbox, session: &str, text: &str) -> String {
    let path = format!(".claude/projects/-home-dev-project/{session}.jsonl");
    sandbox.write(&path, text.as_bytes()).display().to_string()
}

fn hash(row: &Row) -> Option<String> {
    row.own_metadata().get("instructions_hash").map(|hash| (*hash).to_owned())
}

/// The hashes of turns, in their order.
fn hashes(mock: &MockLangfuse) -> Vec<String> {
    let mut turns: Vec<Row> = mock.rows().into_iter().filter(is_turn).collect();
    turns.sort_by_key(|turn| turn.start_ms);
    turns.iter().filter_map(hash).collect()
}

#[test]
fn the_hash_of_a_turn_is_that_of_usage_and_only_on_its_root() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    for session in SESSIONS {
        write_recorded(&sandbox, session, &text(session));
    }
    sandbox.run(&["replay", "--all"]).exits(0);
    let mut sent: BTreeMap<String, u64> = BTreeMap::new();
    hashes(&mock).into_iter().for_each(|hash| *sent.entry(hash).or_default() += 1);
    let usage = sandbox.run(&["usage", "--by", "instructions", "--json"]).exits(0);
    let rows = usage.json().into_iter().filter(|row| row["instructions"].is_string());
    let group = |row: Value| {
        (row["instructions"].as_str().unwrap().to_owned(), row["turns"].as_u64().unwrap())
    };
    assert_eq!(sent, rows.map(group).collect());
    assert_eq!(sent.values().sum::<u64>(), 4);
    let others = mock.rows().into_iter().filter(|row| !is_turn(row));
    assert!(others.filter_map(|row| hash(&row)).next().is_none());
}

#[test]
fn after_a_cursor_of_an_older_build_each_turn_has_its_hash() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let whole = text(SESSIONS[0]);
    let rows: Vec<&str> = whole.split_inclusive('\n').collect();
    // Of the second turn: the rows with instructions are before it.
    let mut stops = (0..rows.len()).filter(|row| rows[*row].contains("stop_hook_summary"));
    let answered = stops.nth(1).unwrap();
    let transcript = write_recorded(&sandbox, SESSIONS[0], &rows[..=answered].concat());
    let event = json!({
        "hook_event_name": "SessionEnd", "session_id": SESSIONS[0], "transcript_path": transcript,
        "cwd": "/home/dev/project", "reason": "other",
    });
    sandbox.raw_hook(event.to_string().as_bytes()).exits(0);
    let mut cursor: Value = serde_json::from_slice(&fs::read(sandbox.cursor()).unwrap()).unwrap();
    let kept = cursor.as_object_mut().unwrap().remove("instructions").unwrap();
    assert!(kept["named"]["agents"].is_object() && !kept.to_string().contains("RULE"), "{kept}");
    fs::write(sandbox.cursor(), cursor.to_string()).unwrap();
    write_recorded(&sandbox, SESSIONS[0], &whole);
    sandbox.raw_hook(event.to_string().as_bytes()).exits(0);
    let by_hooks = hashes(&mock);
    mock.clear();
    sandbox.run(&["replay", "--again", &transcript]).exits(0);
    // The first hook saw the second turn.
    assert_eq!(by_hooks, hashes(&mock)[1..]);
    assert_eq!(by_hooks.len(), 2);
}
