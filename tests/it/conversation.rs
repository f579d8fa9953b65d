//! Compares rebuilt conversations with the requests that the API received from the real CLI.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use transcript::conversation::{Conversation, Message, Role};

/// One request to the API, with its answer.
struct Sent {
    answer: String,
    /// The rows of that answer.
    rows: Vec<String>,
    /// Whether the session's file names the request's messages, which a fork's copied requests lack.
    is_noted: bool,
    messages: Vec<Value>,
}

/// The sessions of a release, with their requests.
fn recorded(release: &str) -> Vec<(PathBuf, Vec<Sent>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conversations");
    let mut sessions = Vec::new();
    for scenario in fs::read_dir(root.join(release)).unwrap() {
        for file in fs::read_dir(scenario.unwrap().path()).unwrap() {
            let sent = file.unwrap().path();
            let Some(session) = sent.to_str().unwrap().strip_suffix(".sent.jsonl") else {
                continue;
            };
            let session = PathBuf::from(format!("{session}.jsonl"));
            let text = fs::read_to_string(&sent).unwrap();
            let answered = fs::read_to_string(&session).unwrap();
            let read = |line: &str| {
                let mut sent: Value = serde_json::from_str(line).unwrap();
                let answer = sent["answer"].as_str().unwrap().to_owned();
                Sent {
                    rows: rows_of(&answered, &answer),
                    answer,
                    is_noted: sent["noted"] == true,
                    messages: serde_json::from_value(sent["messages"].take()).unwrap(),
                }
            };
            sessions.push((session, text.lines().map(read).collect()));
        }
    }
    sessions.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(!sessions.is_empty(), "{release}");
    sessions
}

/// The uuids of the rows of an answer, read from the text: serde can't read some of the rows.
fn rows_of(session: &str, message_id: &str) -> Vec<String> {
    let id = format!("\"id\":\"{message_id}\"");
    let is_row = |row: &&str| row.contains("\"type\":\"assistant\"") && row.contains(&id);
    let uuid = |row: &str| row.split_once("\"uuid\":\"")?.1.split('"').next().map(str::to_owned);
    session.lines().filter(is_row).filter_map(uuid).collect()
}

fn as_sent(messages: &[Message]) -> Vec<Value> {
    messages
        .iter()
        .map(|message| json!({"role": message.role.name(), "content": message.content}))
        .collect()
}

/// A message may also carry a parameter of the request (`output_config`), which is not part of the conversation.
fn contents(messages: &[Value]) -> Vec<Value> {
    let content = |it: &Value| json!({"role": it["role"], "content": it["content"]});
    messages.iter().map(content).collect()
}

/// The parts that are equal in every release: texts of people, answers without their thinking, tool calls and their results.
/// Texts that the CLI adds are no rows of older releases: they are created anew for each request.
fn essentials(messages: &[Value]) -> Vec<Value> {
    let mut essentials: Vec<Value> = Vec::new();
    for message in messages {
        for block in message["content"].as_array().unwrap() {
            if message["role"] == "system" {
                essentials.extend(steering(block["text"].as_str().unwrap()));
                continue;
            }
            let text = |value: &Value| without_reminders(value.as_str().unwrap_or_default());
            let essential = match block["type"].as_str().unwrap() {
                "text" => json!({"text": text(&block["text"])}),
                "tool_use" => {
                    json!({"call": block["id"], "name": block["name"], "input": block["input"]})
                }
                "tool_result" => {
                    let content = match &block["content"] {
                        Value::Array(parts) => parts
                            .iter()
                            .map(|part| match part["text"].as_str() {
                                Some(_) => json!(text(&part["text"])),
                                None => part.clone(),
                            })
                            .collect(),
                        content => vec![json!(text(content))],
                    };
                    json!({"result": block["tool_use_id"], "content": content, "failed": block["is_error"] == true})
                }
                "thinking" | "redacted_thinking" => continue,
                _ => block.clone(),
            };
            // Since 2.1.197 a notification is in a reminder.
            let is_notice = |text: &str| text.is_empty() || text.starts_with("<task-notification>");
            if !essential["text"].as_str().is_some_and(is_notice) {
                essentials.push(json!([message["role"], essential]));
            }
        }
    }
    essentials
}

/// A prompt typed while the turn ran: since 2.1.197 the CLI wraps it in its own words.
fn steering(text: &str) -> Option<Value> {
    let said = text.strip_prefix("The user sent a new message while you were working:\n")?;
    let (typed, _) = said.split_once("\n\n")?;
    Some(json!(["user", {"text": typed}]))
}

fn without_reminders(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, reminder)) = rest.split_once("<system-reminder>") {
        left.push_str(before.trim_end());
        rest = reminder.split_once("</system-reminder>").map_or("", |(_, rest)| rest);
    }
    left.push_str(rest);
    left.trim().to_owned()
}

fn assert_same(session: &Path, sent: &Sent, rebuilt: &[Value], wanted: &[Value]) {
    let differing = rebuilt.iter().zip(wanted).find(|(rebuilt, wanted)| rebuilt != wanted);
    if let Some((rebuilt, wanted)) = differing {
        panic!("{} before {}:\n{rebuilt:#}\n--- sent\n{wanted:#}", session.display(), sent.answer);
    }
    assert_eq!(rebuilt.len(), wanted.len(), "{} before {}", session.display(), sent.answer);
}

#[test]
fn of_2_1_330_equals_the_sent_messages_to_the_letter() {
    for (session, requests) in recorded("v2.1.330") {
        let mut conversation = Conversation::open(&session).unwrap();
        for sent in requests.iter().filter(|sent| sent.is_noted) {
            let rebuilt = as_sent(&conversation.before(&sent.rows).unwrap());
            assert_same(&session, sent, &rebuilt, &contents(&sent.messages));
        }
    }
}

/// `transcript`: of the session, complete or without some rows.
fn assert_essentials_are_those_sent(session: &Path, transcript: &Path, requests: &[Sent]) {
    let mut conversation = Conversation::open(transcript).unwrap();
    for sent in requests {
        let rebuilt = essentials(&as_sent(&conversation.before(&sent.rows).unwrap()));
        assert_same(session, sent, &rebuilt, &essentials(&sent.messages));
    }
}

#[test]
fn of_older_releases_equals_the_sent_texts_calls_and_results() {
    for release in ["v2.1.197", "v2.1.50", "v2.0.76"] {
        for (session, requests) in recorded(release) {
            assert_essentials_are_those_sent(&session, &session, &requests);
        }
    }
}

#[test]
fn without_the_notes_of_the_cli_it_is_the_same_in_texts_calls_and_results() {
    for (session, requests) in recorded("v2.1.330") {
        let rows = fs::read_to_string(&session).unwrap();
        let without: String = rows
            .lines()
            .filter(|row| !row.contains(r#""type":"api-request"#))
            .map(|row| format!("{row}\n"))
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), without).unwrap();
        assert_essentials_are_those_sent(&session, file.path(), &requests);
    }
}

#[test]
fn the_answer_is_all_blocks_of_its_message() {
    for (session, requests) in recorded("v2.1.330") {
        let conversation = Conversation::open(&session).unwrap();
        for (sent, next) in requests.iter().zip(requests.iter().skip(1)) {
            let answer = conversation.answer(&sent.rows).unwrap().unwrap();
            assert_eq!(answer.role, Role::Assistant);
            let blocks = essentials(&as_sent(&[answer]));
            let told = essentials(&next.messages);
            // A rewind drops an answer from the next requests.
            let is_told = blocks.iter().all(|block| told.contains(block));
            assert!(
                is_told || session.to_str().unwrap().contains("rewind"),
                "{} {}",
                session.display(),
                sent.answer
            );
        }
    }
}
