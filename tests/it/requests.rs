//! `CC_LANGFUSE_REQUEST`: tools and system prompt of requests, once per turn, masked and untruncated, and only if enabled.

use std::path::Path;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, traced_to};

const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

/// Everything is traced to this server, with one more variable.
fn traced(mock: &MockLangfuse, variables: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    for (name, value) in variables {
        env[*name] = json!(value);
    }
    sandbox.config(&json!({"env": env}));
    sandbox
}

fn replayed(recording: &str, variables: &[(&str, &str)]) -> Vec<Row> {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, variables);
    sandbox.session(recording).whole().replay(&[]).exits(0);
    mock.rows()
}

fn generations(rows: &[Row]) -> Vec<Value> {
    let mut generations: Vec<&Row> = rows.iter().filter(|row| row.kind == "GENERATION").collect();
    generations.sort_by_key(|row| row.start_ms);
    let input = |row: &&Row| serde_json::from_str(row.input.as_deref().unwrap()).unwrap();
    generations.iter().map(input).collect()
}

/// The first shape in a transcript.
fn shape(transcript: &Path) -> Value {
    let text = std::fs::read_to_string(transcript).unwrap();
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut shapes = rows.filter(|row| row["type"] == "api-request-shape");
    shapes.next().expect("a shape")["shape"].clone()
}

#[test]
fn nothing_of_a_request_is_sent_by_default() {
    for recording in ["simple", "subagent", "tools"] {
        let printed = |variables: &[(&str, &str)]| {
            let mock = MockLangfuse::start();
            let sandbox = traced(&mock, variables);
            let session = sandbox.session(&format!("v2.1.330/{recording}"));
            session.whole().replay(&["--dry-run"]).exits(0).stdout
        };
        let usual = printed(&[]);
        assert_eq!(printed(&[("CC_LANGFUSE_REQUEST", "off")]), usual);
        assert!(!usual.contains("You are a Claude agent"), "{usual}");
        assert_ne!(printed(&[("CC_LANGFUSE_REQUEST", "tools")]), usual);
    }
}

#[test]
fn names_of_tools_are_on_the_first_call_of_a_turn() {
    let rows = replayed("v2.1.330/tools", &[("CC_LANGFUSE_REQUEST", "tools")]);
    let inputs = generations(&rows);
    assert!(inputs.len() > 1);
    let first = &inputs[0];
    assert!(first["messages"][0]["role"] == "user", "{first}");
    let tools = first["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool.as_object().unwrap().keys().eq(["name"])), "{first}");
    assert!(inputs[1..].iter().all(Value::is_array), "{inputs:?}");
    let defined = rows.iter().filter(|row| !row.tool_definitions.is_empty());
    let defined: Vec<&Row> = defined.collect();
    assert_eq!(defined.len(), 1);
    assert!(defined[0].tool_definitions.contains_key("Bash"));
    // Of each turn.
    let rows = replayed("v2.1.330/stream-multi", &[("CC_LANGFUSE_REQUEST", "tools")]);
    assert!(generations(&rows).iter().all(|input| input["tools"].is_array()));
}

#[test]
fn the_whole_request_equals_the_models_request() {
    let mock = MockLangfuse::start();
    let settings = [("CC_LANGFUSE_REQUEST", "full"), ("CC_LANGFUSE_MAX_CHARS", "40")];
    let sandbox = traced(&mock, &settings);
    let session = sandbox.session("v2.1.330/subagent");
    session.whole().replay(&[]).exits(0);
    let sent = |root: &str| {
        let rows = mock.rows();
        let parent = rows.iter().find(|row| row.name == root).unwrap().span_id.clone();
        let own: Vec<Row> =
            rows.into_iter().filter(|row| row.parent_span_id.as_ref() == Some(&parent)).collect();
        generations(&own)
    };
    let agent = sandbox.projects().join(&session.recording.agents[0].path);
    for (inputs, file) in [(sent("claude-code"), session.path()), (sent("general-purpose"), agent)]
    {
        let shape = shape(&file);
        let blocks = shape["system"].as_array().unwrap();
        let messages = inputs[0]["messages"].as_array().unwrap();
        for (block, message) in blocks.iter().zip(messages) {
            assert_eq!((&message["role"], &message["content"]), (&json!("system"), &block["text"]));
        }
        assert!(messages.len() > blocks.len());
        let mut tools = inputs[0]["tools"].clone();
        for tool in tools.as_array_mut().unwrap() {
            let tool = tool.as_object_mut().unwrap();
            let schema = tool.remove("parameters").unwrap();
            tool.insert("input_schema".to_owned(), schema);
        }
        assert_eq!(tools, shape["tools"]);
        assert!(inputs[1..].iter().all(Value::is_array), "{inputs:?}");
    }
}

#[test]
fn secrets_in_a_request_are_masked() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[("CC_LANGFUSE_REQUEST", "full")]);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let text = std::fs::read_to_string(session.path()).unwrap();
    let text = text
        .replace("You are a Claude agent", &format!("Use {TOKEN} as a Claude agent"))
        .replace(r#""description":"[elided]""#, &format!(r#""description":"with {TOKEN}""#));
    std::fs::write(session.path(), text).unwrap();
    session.replay(&[]).exits(0);
    let input = generations(&mock.rows())[0].to_string();
    assert!(!input.contains(TOKEN), "{input}");
    assert!(input.matches("[masked: github-token, 40 chars]").count() > 1, "{input}");
}

#[test]
fn names_of_tools_are_sent_in_every_capture_mode() {
    for mode in ["no-tool-content", "metadata"] {
        let settings = [("CC_LANGFUSE_REQUEST", "full"), ("CC_LANGFUSE_CAPTURE", mode)];
        let input = generations(&replayed("v2.1.330/simple", &settings))[0].clone();
        assert_eq!(input["tools"], json!([{"name": "Agent"}, {"name": "Bash"}]), "{mode}");
        let text = input.to_string();
        assert!(!text.contains("system") && !text.contains("elided"), "{mode}: {text}");
        assert_eq!(text.contains("Say hello"), mode != "metadata", "{text}");
    }
}

#[test]
fn the_policy_of_a_turn_applies_to_its_request() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[]);
    let session = sandbox.session("v2.1.330/stream-multi");
    session.answered(0).stop(0);
    session.answered(1);
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_REQUEST"] = json!("full");
    sandbox.config(&json!({"env": env}));
    session.replay(&["--again"]).exits(0);
    let asked = |mock: &MockLangfuse| {
        let inputs = generations(&mock.rows());
        inputs.iter().map(|input| input["tools"].is_array()).collect::<Vec<_>>()
    };
    // The first turn was seen before; the second has no policy yet.
    assert_eq!(asked(&mock), [false, true]);
    session.replay(&["--again", "--capture", "full"]).exits(0);
    assert_eq!(asked(&mock), [true, true]);
}

#[test]
fn an_unknown_value_sends_nothing_of_the_request_and_is_named() {
    let mock = MockLangfuse::start();
    let sandbox = traced(&mock, &[("CC_LANGFUSE_REQUEST", "all")]);
    let ran = sandbox.session("v2.1.330/simple").whole().replay(&[]).exits(0);
    assert!(ran.stderr.contains("CC_LANGFUSE_REQUEST"), "{}", ran.stderr);
    assert!(generations(&mock.rows())[0].is_array());
}
