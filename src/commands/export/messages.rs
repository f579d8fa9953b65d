//! Messages of a conversation in the format of their reader, made of the blocks of Anthropic's API.

use serde_json::{Map, Value, json};
use transcript::conversation::{Message, Role};
use transcript::decoded_size;

use crate::commands::export::ExportFormat;
use crate::privacy::Policy;

/// Masks messages. Images become a note of their type and size; thinking is kept only on request.
pub(in crate::commands) fn mask(
    messages: Vec<Message>,
    with_thinking: bool,
    policy: &Policy,
) -> Vec<Value> {
    let has_more = |content: &[Value]| content.is_empty() || !content.iter().all(is_thinking);
    let kept = messages.into_iter().filter(|message| with_thinking || has_more(&message.content));
    let mut all: Value = kept
        .map(|Message { role, content }| {
            let blocks = content.into_iter().filter(|block| with_thinking || !is_thinking(block));
            let content: Vec<Value> = blocks.map(replace_media).collect();
            json!({"role": role.name(), "content": content})
        })
        .collect();
    policy.apply_to_messages(&mut all);
    match all {
        Value::Array(messages) => messages,
        _ => Vec::new(),
    }
}

/// Converts masked messages to a format.
pub(in crate::commands) fn format(messages: &[Value], format: ExportFormat) -> Vec<Value> {
    let convert = |message: &Value| match format {
        ExportFormat::Anthropic => vec![anthropic(message)],
        ExportFormat::Openai | ExportFormat::Messages => chat(message, format),
    };
    messages.iter().flat_map(convert).collect()
}

/// Whether a message is from the model.
pub(super) fn is_answer(message: &Value) -> bool {
    field(message, "role") == Role::Assistant.name()
}

fn is_thinking(block: &Value) -> bool {
    matches!(kind(block), "thinking" | "redacted_thinking")
}

fn kind(block: &Value) -> &str {
    field(block, "type")
}

fn field<'a>(block: &'a Value, name: &str) -> &'a str {
    block.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Replaces images and documents by a note, also in tool results.
fn replace_media(mut block: Value) -> Value {
    if let Some(note) = media_note(&block) {
        return json!({"type": "text", "text": note});
    }
    if let Some(Value::Array(parts)) = block.get_mut("content") {
        for part in parts {
            if let Some(note) = media_note(part) {
                *part = json!({"type": "text", "text": note});
            }
        }
    }
    block
}

fn media_note(block: &Value) -> Option<String> {
    let kind = match kind(block) {
        kind @ ("image" | "document") => kind,
        _ => return None,
    };
    let source = block.get("source")?;
    let data = field(source, "data");
    Some(match self::kind(source) {
        "text" => data.to_owned(),
        "base64" => {
            format!("[{kind}: {}, {} bytes]", field(source, "media_type"), decoded_size(data))
        }
        _ => format!("[{kind}: {}]", field(source, "url")),
    })
}

fn blocks(message: &Value) -> &[Value] {
    let content = message.get("content").and_then(Value::as_array);
    content.map_or(&[], Vec::as_slice)
}

fn anthropic(message: &Value) -> Value {
    let content: Vec<Value> = blocks(message).iter().map(anthropic_block).collect();
    json!({"role": message.get("role"), "content": content})
}

/// The fields that the API accepts. A block of a restricted kind becomes text.
fn anthropic_block(block: &Value) -> Value {
    match kind(block) {
        "thinking" => {
            json!({"type": "thinking", "thinking": field(block, "thinking"), "signature": field(block, "signature")})
        }
        "redacted_thinking" => json!({"type": "redacted_thinking", "data": field(block, "data")}),
        "tool_use" => json!({
            "type": "tool_use", "id": field(block, "id"), "name": field(block, "name"), "input": tool_input(block),
        }),
        "tool_result" => {
            let content = match block.get("content") {
                Some(Value::Array(parts)) => {
                    let text = |part| json!({"type": "text", "text": text_of(part)});
                    Value::Array(parts.iter().map(text).collect())
                }
                Some(Value::String(text)) => json!(text),
                _ => json!(""),
            };
            let mut result = json!({"type": "tool_result", "tool_use_id": field(block, "tool_use_id"), "content": content});
            if let (Some(is_error), Value::Object(fields)) = (block.get("is_error"), &mut result)
                && is_error.is_boolean()
            {
                fields.insert("is_error".to_owned(), is_error.clone());
            }
            result
        }
        _ => json!({"type": "text", "text": text_of(block)}),
    }
}

/// The input of a tool call: always an object, even if its content was left out.
fn tool_input(block: &Value) -> Value {
    match block.get("input") {
        Some(Value::Object(input)) => Value::Object(input.clone()),
        Some(other) => json!({ "input": other }),
        None => json!({}),
    }
}

/// The text of a block, or its JSON.
fn text_of(block: &Value) -> String {
    match (kind(block), block) {
        ("text", _) => field(block, "text").to_owned(),
        (_, Value::String(text)) => text.clone(),
        _ => block.to_string(),
    }
}

/// Chat messages: each tool result is a message of its own.
fn chat(message: &Value, format: ExportFormat) -> Vec<Value> {
    let blocks = blocks(message);
    if is_answer(message) {
        return vec![answer(blocks, format)];
    }
    let (results, rest): (Vec<&Value>, Vec<&Value>) =
        blocks.iter().partition(|block| kind(block) == "tool_result");
    let mut messages: Vec<Value> = results.into_iter().map(|result| tool(result, format)).collect();
    if !rest.is_empty() {
        let content = content(rest.into_iter().map(text_of).collect(), format);
        messages.push(json!({"role": message.get("role"), "content": content}));
    }
    messages
}

/// Several texts become parts in OpenAI's format, else one text.
fn content(mut texts: Vec<String>, format: ExportFormat) -> Value {
    match (format, texts.len()) {
        (_, 1) => Value::String(texts.remove(0)),
        (ExportFormat::Openai, 2..) => {
            let part = |text| json!({"type": "text", "text": text});
            Value::Array(texts.into_iter().map(part).collect())
        }
        _ => Value::String(texts.join("\n")),
    }
}

fn tool(result: &Value, format: ExportFormat) -> Value {
    let texts = match result.get("content") {
        Some(Value::Array(parts)) => parts.iter().map(text_of).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let mut message = json!({"role": "tool", "tool_call_id": field(result, "tool_use_id"), "content": content(texts, format)});
    let is_error = result.get("is_error").and_then(Value::as_bool);
    if let (ExportFormat::Messages, Some(true), Value::Object(fields)) =
        (format, is_error, &mut message)
    {
        fields.insert("is_error".to_owned(), true.into());
    }
    message
}

fn answer(blocks: &[Value], format: ExportFormat) -> Value {
    let (mut texts, mut thinking, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for block in blocks {
        match kind(block) {
            "tool_use" => calls.push(call(block)),
            "thinking" if format == ExportFormat::Openai => {
                // OpenAI's messages have no field for thinking.
                texts.push(format!("<thinking>\n{}\n</thinking>", field(block, "thinking")));
            }
            "thinking" => {
                thinking.push(json!({"type": "thinking", "content": field(block, "thinking")}));
            }
            "redacted_thinking" => {}
            _ => texts.push(text_of(block)),
        }
    }
    let mut message = Map::new();
    message.insert("role".to_owned(), Role::Assistant.name().into());
    if !(texts.is_empty() && format == ExportFormat::Openai && !calls.is_empty()) {
        message.insert("content".to_owned(), content(texts, format));
    }
    for (name, list) in [("thinking", thinking), ("tool_calls", calls)] {
        if !list.is_empty() {
            message.insert(name.to_owned(), list.into());
        }
    }
    message.into()
}

/// A call in the format of OpenAI, in which turns are sent to Langfuse too.
fn call(block: &Value) -> Value {
    let function =
        json!({"name": field(block, "name"), "arguments": tool_input(block).to_string()});
    json!({"id": field(block, "id"), "type": "function", "function": function})
}
