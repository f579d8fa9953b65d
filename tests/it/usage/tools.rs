//! `tools`: outcomes, retries and files read again.

use serde_json::{Value, json};

use super::{table, write_recorded};
use crate::sandbox::{Recording, Sandbox};

#[test]
fn outcomes_are_those_of_the_rows() {
    let sandbox = Sandbox::new();
    for name in ["v2.1.330/tool-error", "v2.1.330/permission-denied", "v2.1.330/mcp"] {
        write_recorded(&sandbox, &Recording::open(name));
    }
    let mut sandbox = sandbox;
    sandbox.set("COLUMNS", "80");
    sandbox
        .screen()
        .types("claude-langfuse tools")
        .types("claude-langfuse tools --by server")
        .types("claude-langfuse tools --by tool,session --json")
        .is("tools");
}

/// A session of tool calls: name, input, whether it failed, output.
fn session(calls: &[(&str, Value, bool, &str)]) -> String {
    let mut rows = vec![json!({
        "type": "user", "uuid": "opening", "turnOrigin": "human", "sessionId": "s", "cwd": "/p", "version": "2.1.332",
        "timestamp": "2026-11-23T10:00:00.000Z", "message": {"role": "user", "content": "go"},
    })];
    for (number, (name, input, is_error, output)) in calls.iter().enumerate() {
        let id = format!("toolu_01AbCdEfGhIjKlMnOpQr{number:04}");
        let at = |second: usize| format!("2026-11-23T10:{number:02}:{second:02}.000Z");
        rows.push(json!({
            "type": "assistant", "uuid": format!("a{number}"), "sessionId": "s", "timestamp": at(1),
            "requestRef": format!("r{number}"),
            "message": {
                "id": format!("msg_01AbCdEfGhIjKlMnOpQr{number:04}"), "model": "claude-opus-4-8", "role": "assistant",
                "content": [{"type": "tool_use", "id": id, "name": name, "input": input}],
                "usage": {"input_tokens": 1, "output_tokens": 1}, "stop_reason": "tool_use",
            },
        }));
        rows.push(json!({
            "type": "user", "uuid": format!("u{number}"), "parentUuid": format!("a{number}"), "sessionId": "s",
            "timestamp": at(3),
            "message": {"role": "user", "content": [{
                "type": "tool_result", "tool_use_id": id, "content": output, "is_error": is_error,
            }]},
        }));
    }
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[test]
fn retries_and_files_read_again_unchanged_are_listed() {
    let read = || json!({"file_path": "/p/a.rs"});
    let test = || json!({"command": "cargo test", "description": "Test"});
    let sandbox = Sandbox::new();
    let rows = session(&[
        ("Read", read(), false, "one"),
        ("Read", read(), false, "one"),
        ("Read", json!({"file_path": "/p/a.rs", "offset": 2}), false, "one"),
        ("Read", read(), false, "two, after a change"),
        ("Bash", test(), true, "Exit code 1"),
        ("Bash", test(), true, "Exit code 1"),
        ("Bash", test(), false, "ok"),
        ("Bash", test(), false, "ok"),
    ]);
    sandbox.write(".claude/projects/-p/s.jsonl", rows.as_bytes());
    let (rows, last) = table(&sandbox, &["tools"]);
    let of = |tool: &str| rows.iter().find(|row| row["tool"] == tool).unwrap();
    assert_eq!((&of("Read")["rereads"], &of("Read")["retries"]), (&json!(1), &json!(0)));
    assert_eq!((&of("Bash")["failed"], &of("Bash")["retries"]), (&json!(2), &json!(2)));
    assert_eq!(of("Bash")["p50_ms"], 2000);
    assert_eq!(last["rereads"][0]["input"], "/p/a.rs");
    assert_eq!(last["retries"][0]["input"], "cargo test");
    assert_eq!(last["largest_results"][0]["output_chars"], "two, after a change".len());
}
