//! Facts are cached, so that sessions are read once; the cache has no text.

use std::fs::{self, File};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Tokens, summed, table, write_recorded};
use crate::mask::table::rows;
use crate::sandbox::{Recording, Sandbox};

fn kept(sandbox: &Sandbox) -> Vec<PathBuf> {
    let files = sandbox.state().into_iter().filter(|path| path.is_file());
    files.filter(|path| path.parent().unwrap().ends_with("usage")).collect()
}

#[test]
fn an_unchanged_session_is_not_read_again_and_a_changed_one_is() {
    let sandbox = Sandbox::new();
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let first = summed(&sandbox, &[]);
    assert_eq!(kept(&sandbox).len(), 1);
    // Changes tokens without changing the file's length or time.
    let text = fs::read_to_string(session.path()).unwrap();
    let modified = session.path().metadata().unwrap().modified().unwrap();
    let other = text.replace("\"output_tokens\":7", "\"output_tokens\":9");
    assert!(text != other && text.len() == other.len());
    let write = |text: &str| fs::write(session.path(), text).unwrap();
    write(&other);
    File::options().append(true).open(session.path()).unwrap().set_modified(modified).unwrap();
    assert_eq!(summed(&sandbox, &[]), first);
    write(&format!("{other}\n"));
    let (tokens, calls) = summed(&sandbox, &[]);
    assert_eq!((tokens, calls), (Tokens { output: first.0.output + 2, ..first.0 }, first.1));
    fs::remove_file(session.path()).unwrap();
    let _ = sandbox.run(&["usage"]).exits(0);
    assert!(kept(&sandbox).is_empty(), "of transcripts that are gone nothing is kept");
}

#[test]
fn a_new_agent_or_a_damaged_file_is_detected() {
    let sandbox = Sandbox::new();
    let recording = Recording::open("v2.1.330/subagent-background");
    sandbox.grow(&recording.sessions[0], usize::MAX);
    let (_, alone) = summed(&sandbox, &[]);
    write_recorded(&sandbox, &recording);
    let (tokens, calls) = summed(&sandbox, &[]);
    assert!(calls > alone);
    let path = kept(&sandbox).pop().unwrap();
    fs::write(&path, "{\"format\":1").unwrap();
    assert_eq!(summed(&sandbox, &[]), (tokens, calls));
    assert_eq!(summed(&sandbox, &[]), (tokens, calls));
}

#[test]
fn tables_are_the_same_with_and_without_the_cache() {
    let sandbox = Sandbox::new();
    for name in ["v2.1.332/git-outcomes", "v2.1.330/tool-error", "v2.1.330/fork"] {
        write_recorded(&sandbox, &Recording::open(name));
    }
    for arguments in [
        ["tools", "--by", "tool,session", "--json"],
        ["usage", "--by", "commit,agent-type", "--json"],
    ] {
        let first = sandbox.run(&arguments).exits(0).stdout;
        assert_eq!(sandbox.run(&arguments).exits(0).stdout, first);
    }
    for path in kept(&sandbox) {
        let text = fs::read_to_string(path).unwrap();
        for part in ["git checkout", "/home/dev", "nope.txt", "Fail please"] {
            assert!(!text.contains(part), "{part}: {text}");
        }
    }
}

/// A session whose branches and commands are the samples of the table.
fn session_of_secrets() -> (Vec<String>, Vec<String>) {
    let mut lines = Vec::new();
    let mut secrets = Vec::new();
    for (number, row) in rows().0.into_iter().enumerate() {
        let at = |second: usize| {
            format!("2026-11-{:02}T{:02}:{second:02}:00.000Z", 1 + number / 24, number % 24)
        };
        let common = |kind: &str, second: usize| {
            json!({
                "type": kind, "uuid": format!("{kind}-{number}-{second}"), "sessionId": "s", "cwd": "/p",
                "version": "2.1.332", "gitBranch": row.text, "timestamp": at(second),
            })
        };
        let mut prompt = common("user", 0);
        prompt["turnOrigin"] = "human".into();
        prompt["message"] = json!({"role": "user", "content": row.text});
        let id = format!("toolu_01AbCdEfGhIjKlMnOpQr{number:04}");
        let mut answer = common("assistant", 1);
        answer["requestRef"] = format!("r{number}").into();
        answer["message"] = json!({
            "id": format!("msg_01AbCdEfGhIjKlMnOpQr{number:04}"), "model": "claude-opus-4-8", "role": "assistant",
            "content": [{"type": "tool_use", "id": id, "name": "Bash", "input": {"command": row.text}}],
            "usage": {"input_tokens": 1, "output_tokens": 1}, "stop_reason": "tool_use",
        });
        let mut result = common("user", 2);
        let text = format!("{}\n{}", row.text, "x ".repeat(number));
        result["message"] = json!({"role": "user", "content": [{
            "type": "tool_result", "tool_use_id": id, "content": text, "is_error": true,
        }]});
        lines.extend([prompt, answer, result].iter().map(Value::to_string));
        secrets.push(row.secret);
    }
    (lines, secrets)
}

#[test]
fn no_sample_of_the_table_of_secrets_is_shown_or_cached() {
    let sandbox = Sandbox::new();
    let (lines, secrets) = session_of_secrets();
    sandbox.write(".claude/projects/-p/s.jsonl", (lines.join("\n") + "\n").as_bytes());
    let (rows, _) = table(&sandbox, &["usage", "--by", "branch"]);
    assert!(rows.len() > 20, "{}", rows.len());
    let mut shown = Vec::new();
    for arguments in [
        ["usage", "--by", "branch"].as_slice(),
        &["usage", "--by", "branch", "--json"],
        &["tools", "--by", "branch,tool"],
        &["tools", "--json"],
        &["show", "s"],
        &["show", "s", "--full"],
        &["show", "s", "--failed"],
        &["show", "s", "--json"],
    ] {
        shown.push(sandbox.run(arguments).exits(0).stdout);
    }
    shown.extend(kept(&sandbox).iter().map(|path| fs::read_to_string(path).unwrap()));
    // Shorter ones are words of other samples.
    for secret in secrets.iter().filter(|secret| secret.len() >= 16) {
        let quoted = json!(secret).to_string();
        let quoted = quoted.trim_matches('"');
        let leaks = shown.iter().filter(|text| text.contains(secret) || text.contains(quoted));
        assert_eq!(leaks.count(), 0, "{secret}");
    }
}
