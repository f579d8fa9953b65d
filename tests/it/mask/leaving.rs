//! A session with every secret of the table in every field: no printed, sent, stored or logged byte has one, in any capture
//! mode and for any split of the session.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use super::table::rows;
use crate::sandbox::{Received, Recording, Sandbox, Session};

/// A secret short enough for a name.
pub(super) const TOKEN: &str = "ghp_0a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H";

#[test]
fn a_dry_run_shows_no_secret_in_any_capture_mode() {
    let cases = [
        ("full", "100000"),
        ("full", "3000"),
        ("no-tool-content", "100000"),
        ("metadata", "100000"),
    ];
    for (capture, length) in cases {
        let mut sandbox = Sandbox::new();
        sandbox.set("CC_LANGFUSE_CAPTURE", capture);
        sandbox.set("CC_LANGFUSE_MAX_CHARS", length);
        sandbox.set("CC_LANGFUSE_REQUEST", "full");
        sandbox.set("CC_LANGFUSE_MEDIA", "true");
        sandbox.set("CC_LANGFUSE_TRACE_TAGS", format!("own,{TOKEN}"));
        let metadata = format!(r#"{{"note": "{TOKEN}", "password": "correct-horse"}}"#);
        sandbox.set("CC_LANGFUSE_METADATA", metadata);
        for recording in ["subagent", "tool-error", "api-error", "compact", "mcp", "image"] {
            let session = session(&sandbox, &format!("v2.1.330/{recording}"));
            let printed = session.whole().replay(&["--dry-run"]).exits(0).stdout;
            let place = format!("{capture}, {length}, {recording}");
            assert!(printed.contains("[masked: github-token, 40 chars]"), "{place}");
            assert!(!printed.contains("correct-horse"), "{place}");
            assert_without_secrets(&printed, &place);
            let is_reduced = printed.contains("[not captured: ");
            assert!(is_reduced == (capture != "full") || recording == "api-error", "{place}");
        }
    }
}

#[test]
fn exports_and_dataset_items_have_no_secret_in_any_form() {
    for (capture, format) in [
        ("full", "messages"),
        ("full", "openai"),
        ("full", "anthropic"),
        ("no-tool-content", "openai"),
    ] {
        let mut sandbox = Sandbox::new();
        sandbox.set("CC_LANGFUSE_CAPTURE", capture);
        for recording in ["subagent", "tool-error", "api-error", "compact", "mcp"] {
            let session = session(&sandbox, &format!("v2.1.330/{recording}"));
            let path = session.whole().argument();
            let arguments = ["export", &path, "--per", "turn", "--thinking", "--format", format];
            let printed = sandbox.run(&arguments).exits(0).stdout;
            let place = format!("{capture}, {format}, {recording}");
            assert!(printed.contains("[masked: "), "{place}");
            assert_without_secrets(&printed, &place);
            let expected = sandbox.write("expected.txt", format!("use {TOKEN}").as_bytes());
            let turn = format!("{path}#1");
            let arguments = ["dataset", "add", &turn, "--dataset", "d", "--dry-run"];
            let item = sandbox.run(&arguments).stdout;
            assert_without_secrets(&item, &place);
            let expected = ["--expected", expected.to_str().unwrap()];
            let item = sandbox.run(&[&arguments[..], &expected].concat()).stdout;
            assert!(!item.contains(TOKEN), "{place}: {item}");
        }
    }
}

#[test]
fn a_prompt_of_instructions_has_no_secret_in_text_name_or_message() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let id = "78e9a408-c2a0-4b57-8b81-6d43fbe7c206";
    let path = format!("tests/fixtures/instructions/{id}.jsonl");
    let samples = samples().replace("{{", "{ {");
    let text = fs::read_to_string(path)
        .unwrap()
        .replace("RULE-ONE", &format!("RULE-ONE\\n\\n{samples}"))
        .replace("SUB-RULE", &format!("{samples}\\n\\nSUB-RULE"))
        .replace("Helps (Tools", &format!("Helps {samples} (Tools"))
        .replace(r#""gitBranch":"main""#, &format!(r#""gitBranch":"fix/{TOKEN}""#))
        .replace("/project/sub/", &format!("/project/{TOKEN}/"));
    sandbox.write(&format!(".claude/projects/-home-dev-project/{id}.jsonl"), text.as_bytes());
    let push = ["instructions", "push", "--project", "/home/dev/project"];
    for option in [&["--dry-run"][..], &["--json"], &[]] {
        let ran = sandbox.run(&[&push, option].concat()).exits(0);
        assert_without_secrets(&ran.stdout, &format!("{option:?}"));
        assert!(ran.stdout.contains("[masked: "), "{option:?}: {}", ran.stdout);
    }
    assert_eq!(mock.prompts().len(), 5);
    for request in mock.requests() {
        assert_without_secrets(&String::from_utf8_lossy(&request.body), &request.path);
        assert!(!request.path.contains(TOKEN), "{}", request.path);
    }
    for (path, content, _) in sandbox.state_files() {
        assert_without_secrets(&String::from_utf8_lossy(&content), &path.display().to_string());
    }
}

#[test]
fn no_page_table_or_json_of_a_session_has_a_secret() {
    for capture in ["full", "no-tool-content", "metadata"] {
        let mut sandbox = Sandbox::new();
        sandbox.set("CC_LANGFUSE_CAPTURE", capture);
        let mut paths = Vec::new();
        for recording in ["subagent", "tool-error", "api-error", "compact", "mcp"] {
            let session = session(&sandbox, &format!("v2.1.330/{recording}"));
            paths.push(session.whole().argument());
        }
        for path in &paths {
            for option in [&["--html", "-"][..], &["--full"], &["--failed"], &["--json"]] {
                let shown = sandbox.run(&[&["show", path], option].concat()).exits(0).stdout;
                assert_without_secrets(&shown, &format!("{capture}, {option:?}, {path}"));
                let plain = shown.replace("&quot;", "\"").replace("&#39;", "'");
                let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
                assert_without_secrets(&plain, &format!("{capture}, {option:?}, {path}, as text"));
            }
        }
        for by in ["project", "model", "branch", "commit", "pr", "session", "agent-type", "version"]
        {
            for command in ["usage", "tools"] {
                for option in [&[][..], &["--json"]] {
                    let ran = sandbox.run(&[&[command, "--by", by], option].concat()).exits(0);
                    assert_without_secrets(&ran.stdout, &format!("{capture}, {command}, {by}"));
                }
            }
        }
        for (path, content, _) in sandbox.state_files() {
            let content = String::from_utf8_lossy(&content).into_owned();
            assert_without_secrets(&content, &format!("{capture}, {}", path.display()));
        }
    }
}

#[test]
fn spans_state_and_log_have_no_secret_for_any_split() {
    for capture in ["full", "no-tool-content", "metadata"] {
        for pieces in [1, 5] {
            let mock = MockLangfuse::start();
            let mut sandbox = Sandbox::traced(&mock);
            sandbox.set("CC_LANGFUSE_CAPTURE", capture);
            sandbox.set("CC_LANGFUSE_DEBUG", "true");
            sandbox.set("CC_LANGFUSE_REQUEST", "full");
            sandbox.set("CC_LANGFUSE_MEDIA", "true");
            sandbox.set("CC_LANGFUSE_HOOK_BUDGET", "20");
            let session = session(&sandbox, "v2.1.330/subagent");
            let rows = session.transcript().lines.len();
            for piece in 1..pieces {
                session.grow(rows * piece / pieces).replay(&[]).exits(0);
            }
            session.whole().stop(0);
            session.end();
            let mut sent = 0;
            for request in mock.exports() {
                let mut body = String::new();
                GzDecoder::new(request.body.as_slice()).read_to_string(&mut body).unwrap();
                sent += body.len();
                assert_without_secrets(&body, &format!("{capture}, {pieces} pieces, sent"));
            }
            assert!(sent > 2000, "{sent}");
            for (path, content, _) in sandbox.state_files() {
                let content = String::from_utf8_lossy(&content).into_owned();
                assert_without_secrets(
                    &content,
                    &format!("{capture}, {pieces} pieces, {}", path.display()),
                );
            }
            assert_without_secrets(&sandbox.log(), "log");
            mock.assert_nothing_lost();
        }
    }
}

#[test]
fn an_observation_counts_its_masked_secrets() {
    let sandbox = Sandbox::new();
    let session = session(&sandbox, "v2.1.330/simple");
    let printed = session.whole().replay(&["--dry-run"]).exits(0).json();
    let counts: Vec<&str> = strings(&printed)
        .into_iter()
        .filter(|text| text.contains("github-token ") && !text.contains("chars]"))
        .collect();
    assert!(
        counts.iter().any(|count| count.contains("aws-access-key ") && count.contains("jwt ")),
        "{counts:?}"
    );
}

#[test]
fn the_remote_of_a_repository_is_sent_without_its_password() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path("project");
    fs::create_dir_all(directory.join(".git")).unwrap();
    fs::write(
        directory.join(".git/config"),
        format!("[remote \"origin\"]\n\turl = https://me:{TOKEN}@example.com/{TOKEN}/x.git\n"),
    )
    .unwrap();
    let session = sandbox.session_in(&directory, "v2.1.330/simple");
    let printed = session.whole().replay(&["--dry-run"]).exits(0).stdout;
    assert!(printed.contains("example.com/[masked: github-token, 40 chars]/x"), "{printed}");
    assert_without_secrets(&printed, "remote");
}

/// All samples that must be masked, as one text, as in a row of a transcript.
pub(super) fn samples() -> String {
    let samples: Vec<String> = rows().0.into_iter().map(|row| row.text).collect();
    let text = Value::from(samples.join("\n\n")).to_string();
    text[1..text.len() - 1].to_owned()
}

/// A recording with secrets in place of all texts.
pub(super) fn session<'a>(sandbox: &'a Sandbox, recording: &str) -> Session<'a> {
    let mut session = sandbox.session(recording);
    let samples = samples();
    let name = recording.to_owned();
    let recording = std::mem::replace(&mut session.recording, Recording::open(&name));
    session.recording = recording
        .replaced(r#""gitBranch":"main""#, &format!(r#""gitBranch":"fix/{TOKEN}""#))
        .replaced(r#""description":"count files""#, &format!(r#""description":"count {TOKEN}""#))
        .replaced(r#""description": "count files""#, &format!(r#""description": "count {TOKEN}""#))
        .replaced(r#""entrypoint":"sdk-cli""#, &format!(r#""entrypoint":"{TOKEN}""#));
    for transcript in session.recording.sessions.iter_mut().chain(&mut session.recording.agents) {
        for line in &mut transcript.lines {
            *line = with_secrets(line, &samples);
        }
        let title = json!({"type": "custom-title", "customTitle": format!("rotate {TOKEN}"), "sessionId": transcript.session});
        transcript.lines.insert(0, format!("{title}\n"));
    }
    session
}

/// Every text, input and result of a row begins and ends with the samples.
fn with_secrets(line: &str, samples: &str) -> String {
    let Ok(row) = serde_json::from_str::<Value>(line) else {
        return line.to_owned();
    };
    if !["user", "assistant", "system", "api-request-shape"]
        .contains(&row["type"].as_str().unwrap_or_default())
    {
        return line.to_owned();
    }
    let keys = ["text", "thinking", "content", "prompt", "command", "file_path", "error"];
    keys.iter().fold(line.to_owned(), |line, key| {
        line.replace(&format!(r#""{key}":""#), &format!(r#""{key}":"Take these:\n\n{samples}\n\n"#))
    })
}

pub(super) fn assert_without_secrets(text: &str, place: &str) {
    assert!(!text.contains(TOKEN), "{place}");
    for row in rows().0 {
        for part in parts(&row.secret) {
            if let Some(at) = text.find(part) {
                let around = text.get(at.saturating_sub(100)..at + 60);
                panic!("{place}: {part} of {}\n{around:?}", row.text);
            }
        }
    }
}

/// Pieces to look for in any encoding: without characters that JSON escapes, and without common texts.
fn parts(secret: &str) -> Vec<&str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-+=/.".contains(letter);
    let parts = secret.split(|letter| !plain(letter));
    let long: Vec<&str> = parts
        .filter(|part| part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit()))
        .collect();
    if long.is_empty() && secret.len() >= 9 { vec![secret] } else { long }
}

fn strings(values: &[Value]) -> Vec<&str> {
    let mut todo: Vec<&Value> = values.iter().collect();
    let mut found = Vec::new();
    while let Some(value) = todo.pop() {
        match value {
            Value::String(text) => found.push(text.as_str()),
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => todo.extend(fields.values()),
            _ => {}
        }
    }
    found
}
