//! The vendors' types, written by hand: every key is known, every value has its type. `sdk.py` uses the real types.

use serde_json::{Map, Value};

type Fields = Map<String, Value>;

pub(super) fn assert_openai(line: &Value) {
    let messages = messages(line, &["messages"]);
    for message in messages {
        let fields = fields(message);
        match text(fields, "role") {
            "system" | "user" => {
                only(fields, &["role", "content"]);
                parts_or_text(&fields["content"]);
            }
            "tool" => {
                only(fields, &["role", "content", "tool_call_id"]);
                text(fields, "tool_call_id");
                parts_or_text(&fields["content"]);
            }
            "assistant" => {
                only(fields, &["role", "content", "tool_calls"]);
                let calls = fields.get("tool_calls").map(list);
                assert!(calls.is_none_or(|calls| !calls.is_empty()), "{message}");
                calls.into_iter().flatten().for_each(call);
                match fields.get("content") {
                    Some(content) => parts_or_text(content),
                    None => assert!(calls.is_some(), "{message}"),
                }
            }
            other => panic!("{other}: {message}"),
        }
    }
    every_result_follows_its_call(messages);
}

fn call(call: &Value) {
    let call = fields(call);
    only(call, &["id", "type", "function"]);
    text(call, "id");
    assert_eq!(text(call, "type"), "function");
    let function = fields(&call["function"]);
    only(function, &["name", "arguments"]);
    text(function, "name");
    let arguments: Value = serde_json::from_str(text(function, "arguments")).unwrap();
    assert!(arguments.is_object(), "{arguments}");
}

fn parts_or_text(content: &Value) {
    let Value::Array(parts) = content else {
        assert!(content.is_string(), "{content}");
        return;
    };
    assert!(!parts.is_empty());
    for part in parts {
        let part = fields(part);
        only(part, &["type", "text"]);
        assert_eq!(text(part, "type"), "text");
        text(part, "text");
    }
}

/// A server rejects a tool result without a preceding call.
fn every_result_follows_its_call(messages: &[Value]) {
    let mut asked: Vec<&Value> = Vec::new();
    for message in messages {
        match message["role"].as_str().unwrap() {
            "assistant" => {
                let calls = message.get("tool_calls").map(list).unwrap_or_default();
                asked = calls.iter().map(|call| &call["id"]).collect();
            }
            "tool" => assert!(asked.contains(&&message["tool_call_id"]), "{message}"),
            _ => {}
        }
    }
}

pub(super) fn assert_messages(line: &Value) {
    let keys = ["schema", "session", "turn", "at", "model", "finished", "messages"];
    let messages = messages(line, &keys);
    assert_eq!(line["schema"], 1);
    for message in messages {
        let fields = fields(message);
        let known = match text(fields, "role") {
            "system" | "user" => &["role", "content"][..],
            "tool" => &["role", "content", "tool_call_id", "is_error"],
            "assistant" => &["role", "content", "thinking", "tool_calls"],
            other => panic!("{other}: {message}"),
        };
        only(fields, known);
        text(fields, "content");
        let calls = fields.get("tool_calls").map(list).unwrap_or_default();
        calls.iter().for_each(call);
    }
    every_result_follows_its_call(messages);
}

pub(super) fn assert_anthropic(line: &Value) {
    let messages = messages(line, &["messages"]);
    for message in messages {
        let fields = fields(message);
        only(fields, &["role", "content"]);
        let role = text(fields, "role");
        for block in list(&fields["content"]) {
            anthropic_block(role, block);
        }
    }
    assert_eq!(messages.first().unwrap()["role"], "user");
}

fn anthropic_block(role: &str, block: &Value) {
    let fields = fields(block);
    let (roles, keys): (&[&str], &[&str]) = match text(fields, "type") {
        "text" => (&["user", "assistant", "system"], &["text"]),
        "thinking" => (&["assistant"], &["thinking", "signature"]),
        "redacted_thinking" => (&["assistant"], &["data"]),
        "tool_use" => (&["assistant"], &["id", "name"]),
        "tool_result" => (&["user"], &["tool_use_id"]),
        other => panic!("{other}: {block}"),
    };
    assert!(roles.contains(&role), "{role}: {block}");
    keys.iter().for_each(|key| {
        text(fields, key);
    });
    let more: &[&str] = match text(fields, "type") {
        "tool_use" => &["input"],
        "tool_result" => &["content", "is_error"],
        _ => &[],
    };
    only(fields, &[&["type"], keys, more].concat());
    assert!(fields.get("input").is_none_or(Value::is_object), "{block}");
    assert!(fields.get("is_error").is_none_or(Value::is_boolean), "{block}");
    if let Some(content) = fields.get("content") {
        match content {
            Value::Array(parts) => parts.iter().for_each(|part| anthropic_block("user", part)),
            text => assert!(text.is_string(), "{block}"),
        }
    }
}

fn messages<'a>(line: &'a Value, keys: &[&str]) -> &'a [Value] {
    only(fields(line), keys);
    let messages = list(&line["messages"]);
    assert!(messages.len() > 1, "{line}");
    assert_eq!(messages.last().unwrap()["role"], "assistant", "{line}");
    messages
}

fn fields(value: &Value) -> &Fields {
    value.as_object().unwrap_or_else(|| panic!("{value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value}"))
}

fn text<'a>(fields: &'a Fields, key: &str) -> &'a str {
    let text = fields.get(key).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{key}: {fields:?}"))
}

fn only(fields: &Fields, keys: &[&str]) {
    let unknown = fields.keys().find(|key| !keys.contains(&key.as_str()));
    assert_eq!(unknown, None, "{fields:?}");
}
