//! The arguments of a tool call on the wire: JSON text with the same capture modes, masks and truncation as the input of the
//! tool itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const TOKEN: &str = "ghp_0a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H";
/// Only in the arguments.
const WORD: &str = "quokka";
/// Only in the thinking.
const THOUGHT: &str = "wombat";

/// The attributes of all spans of a dry run over a session whose tool calls have this input.
fn spans(settings: &[(&str, &str)], input: &Value) -> Vec<BTreeMap<String, String>> {
    let mut sandbox = Sandbox::new();
    for (name, value) in settings {
        sandbox.set(name, *value);
    }
    let mut session = sandbox.session("v2.1.330/tools");
    let transcripts = session.recording.sessions.iter_mut();
    for line in transcripts.flat_map(|transcript| &mut transcript.lines) {
        let Ok(mut row) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        for block in row["message"]["content"].as_array_mut().into_iter().flatten() {
            if block["type"] == "tool_use" {
                block["input"] = input.clone();
            } else if block["type"] == "text" {
                *block = json!({"type": "thinking", "thinking": THOUGHT, "signature": ""});
            }
        }
        if row["type"] == "assistant" {
            *line = format!("{row}\n");
        }
    }
    let requests = session.whole().replay(&["--dry-run"]).exits(0).json();
    let spans = requests.iter().flat_map(|request| {
        let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
        spans.as_array().unwrap().iter().map(attributes)
    });
    spans.collect()
}

fn attributes(span: &Value) -> BTreeMap<String, String> {
    let list = span["attributes"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.map(|one| (text(&one["key"]), text(&one["value"]["stringValue"]))).collect()
}

/// The arguments of each call in the outputs of generations, as text.
fn arguments(spans: &[BTreeMap<String, String>]) -> Vec<String> {
    let outputs = of_type(spans, "generation", "output");
    let messages = outputs.map(|output| serde_json::from_str::<Value>(output).unwrap());
    let calls = messages.flat_map(|message| {
        let calls = message["tool_calls"].as_array().cloned();
        calls.unwrap_or_default()
    });
    calls.map(|call| call["function"]["arguments"].as_str().unwrap().to_owned()).collect()
}

fn of_type<'a>(
    spans: &'a [BTreeMap<String, String>],
    kind: &'a str,
    field: &str,
) -> impl Iterator<Item = &'a String> {
    let field = format!("langfuse.observation.{field}");
    let of_kind = move |span: &&BTreeMap<String, String>| span["langfuse.observation.type"] == kind;
    spans.iter().filter(of_kind).filter_map(move |span| span.get(&field))
}

/// Secrets that only the structure shows, in each escape of JSON within JSON.
fn input() -> Value {
    let inner = json!({"password": "correct \"horse\"\n\u{1}é", "kept": 1}).to_string();
    json!({
        "command": format!("export GITHUB_TOKEN={TOKEN}\n\techo \"{TOKEN}\" \\{WORD}\u{7}"),
        "password": "correct-horse",
        "environment": [{"name": "PASSWORD", "value": "battery-staple"}],
        "flags": ["--password", "hunter2-and-more"],
        "body": inner,
        TOKEN: "🦀",
    })
}

#[test]
fn arguments_are_masked_as_the_input_of_their_tool() {
    let spans = spans(&[], &input());
    let arguments = arguments(&spans);
    assert_eq!(arguments.len(), 5);
    for text in &arguments {
        let value: Value = serde_json::from_str(text).unwrap();
        let body: Value = serde_json::from_str(value["body"].as_str().unwrap()).unwrap();
        assert_eq!(value["password"], "[masked: password, 13 chars]");
        assert_eq!(value["environment"][0]["value"], "[masked: password, 14 chars]");
        assert_eq!(value["flags"][1], "[masked: password, 16 chars]");
        assert_eq!(body["kept"], 1);
        for secret in ["a1B2", "correct", "horse", "battery", "hunter2"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(text.contains(WORD) && text.contains('🦀'), "{text}");
    }
    let inputs: Vec<Value> = of_type(&spans, "tool", "input")
        .map(|input| serde_json::from_str(input).unwrap())
        .collect();
    let arguments: Vec<Value> =
        arguments.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(arguments, inputs);
}

#[test]
fn long_texts_in_arguments_are_cut_and_the_arguments_stay_json() {
    let long = format!("{}\"\\\n{}", "é".repeat(2_000), "\u{1f}🦀".repeat(2_000));
    let input = json!({"content": long, "edits": [{"new": long}, 3], "path": "a.rs"});
    for max_chars in ["200", "201", "1000"] {
        let spans = spans(&[("CC_LANGFUSE_MAX_CHARS", max_chars)], &input);
        let arguments = arguments(&spans);
        assert_eq!(arguments.len(), 5);
        for text in arguments {
            let value: Value = serde_json::from_str(&text).unwrap();
            for cut in [&value["content"], &value["edits"][0]["new"]] {
                let cut = cut.as_str().unwrap();
                assert!(cut.contains("…[cut: 6003 characters in all]…"), "{cut}");
                assert_eq!(cut.chars().count().to_string(), max_chars);
            }
            assert_eq!((&value["edits"][1], &value["path"]), (&json!(3), &json!("a.rs")));
        }
    }
}

#[test]
fn no_arguments_are_sent_in_modes_that_omit_them() {
    for (capture, has_arguments, has_thinking) in
        [("full", true, true), ("no-tool-content", false, true), ("metadata", false, false)]
    {
        let spans = spans(&[("CC_LANGFUSE_CAPTURE", capture)], &input());
        let all = format!("{spans:?}");
        assert_eq!(all.contains(WORD), has_arguments, "{capture}: {all}");
        assert_eq!(all.contains(THOUGHT), has_thinking, "{capture}: {all}");
        if capture == "no-tool-content" {
            let arguments = arguments(&spans);
            assert_eq!(arguments.len(), 5);
            let is_left_out = |text: &String| text.starts_with("[not captured: ");
            assert!(arguments.iter().all(is_left_out), "{arguments:?}");
        }
    }
}
