//! The fields that each capture mode keeps: the table `capture.tsv`, row by row.

use claude_langfuse::trace::metadata::{MetadataKey, Place};
use claude_langfuse::trace::{Content, Kind, Level, Observation, SpanName, Status};
use serde_json::{Value, json};

use super::{observation, policy};

/// The text in every field.
const TEXT: &str = "Some text of 22 chars.";
const MARKER: &str = "[not captured: 22 chars]";
const LONGER_MARKER: &str = "[not captured: 61 chars]";
/// The parts of status messages that stay.
const CATEGORIES: [&str; 2] = ["exit code", "failed"];
/// The result of a background task, as the model receives it.
const NOTIFICATION: &str = "<task-notification>\n<summary>Some text of 22 chars.</summary>";

#[test]
fn each_mode_keeps_the_fields_of_the_table() {
    let table = include_str!("../../fixtures/mask/capture.tsv");
    let mut checked = 0;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let modes = ["full", "no-tool-content", "metadata"];
        for (mode, expected) in modes.into_iter().zip(&cells[2..5]) {
            let mut observed = filled(cells[0]);
            let before = field(&observed, cells[1]);
            policy(&[("CC_LANGFUSE_CAPTURE", mode)]).apply(&mut observed);
            let after = field(&observed, cells[1]);
            let verdict = match after {
                _ if after == before => "same",
                Some(text) if CATEGORIES.contains(&text.as_str()) => "category",
                Some(text) if text == MARKER || text == LONGER_MARKER => "left-out",
                // The part was removed with the whole.
                None => "left-out",
                Some(text) => panic!("{line}, {mode}: {text}"),
            };
            assert!(before.is_some(), "{line}");
            assert_eq!(verdict, *expected, "{line}, {mode}");
            checked += 1;
        }
    }
    assert!(checked > 75, "{checked}");
}

/// The table lists each key by name: a new key fails here.
#[test]
fn each_key_of_an_observations_metadata_has_its_row() {
    let table = include_str!("../../fixtures/mask/capture.tsv");
    for key in MetadataKey::ALL {
        // The root has the title that its turn got, from the person or the model.
        let is_on_root = *key == MetadataKey::SessionTitle;
        let is_ours = matches!(key.place(), Place::Trace | Place::Any) && !is_on_root;
        let rows = table.lines().filter(|line| {
            let mut cells = line.split('\t');
            cells.next() == Some("key") && cells.next() == Some(key.name())
        });
        assert_eq!(rows.count(), usize::from(!is_ours), "{}", key.name());
    }
}

#[test]
fn the_mode_metadata_has_no_text() {
    for kind in [
        "turn",
        "notification",
        "agent",
        "workflow",
        "generation",
        "tool",
        "retriever",
        "compaction",
        "event",
    ] {
        let mut observed = filled(kind);
        policy(&[("CC_LANGFUSE_CAPTURE", "metadata")]).apply(&mut observed);
        assert!(!format!("{observed:?}").contains(TEXT), "{observed:#?}");
    }
}

#[test]
fn a_size_is_that_of_the_text_before_it_is_masked() {
    let mut observed = observation();
    observed.input = Some(Content::Text(format!("PASSWORD=hunter2{}", "é".repeat(100))));
    policy(&[("CC_LANGFUSE_CAPTURE", "metadata")]).apply(&mut observed);
    assert_eq!(observed.input, Some(Content::Text("[not captured: 116 chars]".to_owned())));
    assert!(!observed.metadata.contains_key(&MetadataKey::Masked));
}

fn filled(kind: &str) -> Observation {
    let mut observed = observation();
    let text = || Some(Content::Text(TEXT.to_owned()));
    observed.name = SpanName::CHAT;
    observed.input = text();
    observed.output = text();
    observed.level = Level::Error;
    observed.status = Some(Status::quoting(TEXT));
    observed.note(MetadataKey::ToolUseId, Some("toolu_1"));
    match kind {
        "key" => {
            for key in MetadataKey::ALL {
                observed.note(*key, Some(TEXT));
            }
        }
        "turn" => observed.kind = Kind::Agent,
        "notification" => {
            observed.kind = Kind::Event;
            observed.input = Some(Content::Text(NOTIFICATION.to_owned()));
            observed.note(MetadataKey::TaskStatus, Some("failed"));
        }
        "workflow" => {
            observed.kind = Kind::Chain;
            observed.note(MetadataKey::WorkflowStatus, Some("failed"));
        }
        "agent" => {
            observed.kind = Kind::Agent;
            observed.note(MetadataKey::AgentDescription, Some(TEXT));
        }
        "generation" => fill_generation(&mut observed),
        "tool" | "retriever" => {
            observed.kind = if kind == "tool" { Kind::Tool } else { Kind::Retriever };
            observed.input = Some(Content::Json(json!({"command": TEXT})));
            observed.note(MetadataKey::ErrorCategory, Some("exit code"));
        }
        "compaction" => observed.kind = Kind::Span,
        "event" => observed.kind = Kind::Event,
        other => panic!("{other}"),
    }
    observed
}

fn fill_generation(observed: &mut Observation) {
    observed.kind = Kind::Generation;
    observed.input = Some(Content::Json(json!([
        {"role": "user", "content": TEXT},
        {"role": "tool", "tool_call_id": "toolu_1", "content": TEXT},
        {"role": "user", "content": NOTIFICATION},
    ])));
    observed.output = Some(Content::Json(json!({
        "role": "assistant", "content": TEXT, "thinking": [{"type": "thinking", "content": TEXT}],
        "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "Bash", "arguments": {"command": TEXT}}}],
    })));
    observed.model = Some("claude-opus-4-5".to_owned());
    observed.parameters.insert("max_tokens".to_owned(), 32000.into());
    observed.parameters.insert("effort".to_owned(), "high".into());
    observed.usage.insert("input", 3);
}

fn field(observed: &Observation, name: &str) -> Option<String> {
    let at = |content: &Option<Content>, pointer: &str| match content {
        Some(Content::Json(value)) => value.pointer(pointer).map(plain),
        _ => None,
    };
    let whole = |content: &Option<Content>| match content {
        Some(Content::Text(text)) => Some(text.clone()),
        Some(Content::Json(value)) => Some(value.to_string()),
        Some(Content::Placeholder(placeholder)) => Some(placeholder.text()),
        None => None,
    };
    match name {
        "input" => whole(&observed.input),
        "output" => whole(&observed.output),
        "status" => observed.status.as_ref().map(|status| status.text().into_owned()),
        "name" => Some(observed.name.as_str().to_owned()),
        "metadata" => observed.metadata.get(&MetadataKey::ToolUseId).cloned(),
        "prompt" => at(&observed.input, "/0/content"),
        "notification" => at(&observed.input, "/2/content"),
        "tool result" => at(&observed.input, "/1/content"),
        "answer" => at(&observed.output, "/content"),
        "thinking" => at(&observed.output, "/thinking/0/content"),
        "arguments" => at(&observed.output, "/tool_calls/0/function/arguments")
            .map(|text| text.replace(&format!("{{\"command\":\"{TEXT}\"}}"), TEXT)),
        "tool name" => at(&observed.output, "/tool_calls/0/function/name"),
        "parameters" => Some(Value::Object(observed.parameters.clone()).to_string()),
        "usage" => Some(format!("{:?}", observed.usage)),
        "model" => observed.model.clone(),
        name => {
            let key = MetadataKey::ALL.iter().find(|key| key.name() == name)?;
            observed.metadata.get(key).cloned()
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn placeholders_and_outcomes_stay_in_every_mode() {
    for status in [
        Status::Interrupted,
        Status::NoAnswer,
        Status::NoResult,
        Status::Denied,
        Status::MaxTurns(3),
    ] {
        let mut observed = observation();
        observed.warn(status.clone());
        // For a turn opened by a background task, the value is about the turn.
        observed.note(MetadataKey::TaskStatus, Some("failed"));
        policy(&[("CC_LANGFUSE_CAPTURE", "metadata")]).apply(&mut observed);
        assert_eq!(observed.status, Some(status));
    }
}

#[test]
fn a_turn_that_failed_after_a_task_was_completed_is_not_called_completed() {
    let shown = |mode| {
        let mut observed = observation();
        observed.status = Some(Status::quoting(TEXT));
        observed.note(MetadataKey::TaskStatus, Some("completed"));
        policy(&[("CC_LANGFUSE_CAPTURE", mode)]).apply(&mut observed);
        observed.status.unwrap().text().into_owned()
    };
    assert_eq!(shown("no-tool-content"), TEXT);
    assert_eq!(shown("metadata"), MARKER);
}

#[test]
fn a_status_message_that_cuts_a_secret_shows_no_part_of_it() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let whole = format!("{} {token} and more", "x".repeat(280));
    let mut observed = observation();
    observed.status = Some(Status::quoting(&whole));
    observed.output = Some(Content::Text(whole));
    let alone = Observation { output: None, ..observed.clone() };
    for mut observed in [observed, alone] {
        policy(&[]).apply(&mut observed);
        let status = observed.status.unwrap();
        let status = status.text();
        assert!(!status.contains("a1B2") && status.ends_with('…'), "{status}");
    }
}
