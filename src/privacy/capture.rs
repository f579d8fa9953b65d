//! Capture modes: how much content leaves the machine. A marker with its size replaces removed content.

use serde_json::Value;
use transcript::characters;

use crate::config::Capture;
use crate::trace::{Content, Kind, MetadataKey, Observation, Status};

pub(super) fn apply(observation: &mut Observation, capture: Capture) {
    match capture {
        Capture::Full => {}
        Capture::NoToolContent => without_tool_content(observation),
        Capture::Metadata => without_content(observation),
    }
}

/// Structure, names, times and tokens stay.
fn without_content(observation: &mut Observation) {
    for content in [&mut observation.input, &mut observation.output].into_iter().flatten() {
        leave_out(content);
    }
    reduce_status(observation);
    leave_out_descriptions(observation);
    leave_out_title(observation.metadata.get_mut(&MetadataKey::SessionTitle));
    for value in observation.parameters.values_mut() {
        // A name such as an effort or a tier is short.
        if value.as_str().is_some_and(|text| text.len() > MAX_NAME_BYTES)
            || value.is_array()
            || value.is_object()
        {
            *value = Value::String(marker(size(value)));
        }
    }
}

/// A title reveals the subject of the conversation.
pub(super) fn leave_out_title(title: Option<&mut String>) {
    if let Some(title) = title {
        *title = marker(title.chars().count());
    }
}

/// Prompts and answers stay. Inputs and outputs of tools are removed, also from messages.
fn without_tool_content(observation: &mut Observation) {
    let is_tool = matches!(observation.kind, Kind::Tool | Kind::Retriever | Kind::Chain);
    for content in [&mut observation.input, &mut observation.output].into_iter().flatten() {
        match content {
            content if is_tool => leave_out(content),
            Content::Json(value) => without_tool_parts(value),
            Content::Text(text) if is_notification(text) => leave_out(content),
            Content::Text(_) | Content::Placeholder(_) => {}
        }
    }
    if is_tool || category(observation).is_some() {
        reduce_status(observation);
    }
    leave_out_descriptions(observation);
}

/// Removes inputs and outputs of tools from messages, and the texts of the CLI, which quote files and hooks' changes of
/// results.
pub(super) fn without_tools_in(messages: &mut Value) {
    without_tool_parts(messages);
    for message in messages.as_array_mut().into_iter().flatten() {
        let is_of_cli = message.get("role").and_then(Value::as_str) == Some("system");
        let blocks = message.get_mut("content").and_then(Value::as_array_mut);
        for block in blocks.into_iter().flatten() {
            if let Some(Value::String(text)) = block.get_mut("text")
                && (is_of_cli || text.starts_with("<system-reminder>"))
            {
                *text = marker(text.chars().count());
            }
        }
    }
}

/// The result of a background task, with its description.
fn is_notification(text: &str) -> bool {
    text.trim_start().starts_with("<task-notification>")
}

const MAX_NAME_BYTES: usize = 64;

/// Fields of a message's part with a tool's input or output.
const PARTS: &[&str] = &["input", "content", "arguments", "output", "result"];

fn without_tool_parts(value: &mut Value) {
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => {
                // A call has its arguments below `function`, in an object without a type.
                let is_tool = fields.contains_key("arguments")
                    || fields.get("role").and_then(Value::as_str) == Some("tool")
                    || fields.get("type").and_then(Value::as_str).is_some_and(|kind| {
                        kind == "function"
                            || kind.ends_with("tool_use")
                            || kind.ends_with("tool_result")
                    });
                for (name, field) in fields.iter_mut() {
                    if is_tool && PARTS.contains(&&**name) {
                        *field = Value::String(marker(size(field)));
                    } else {
                        todo.push(field);
                    }
                }
            }
            Value::String(text) if is_notification(text) => {
                *text = marker(characters(text));
            }
            _ => {}
        }
    }
}

fn leave_out(content: &mut Content) {
    let size = match content {
        Content::Text(text) => characters(text),
        Content::Json(value) => size(value),
        Content::Placeholder(_) => return,
    };
    *content = Content::Text(marker(size));
}

/// Metadata in the model's own words, part of a tool's input.
const DESCRIPTIONS: [MetadataKey; 3] =
    [MetadataKey::AgentDescription, MetadataKey::WorkflowName, MetadataKey::WorkflowPhase];

fn leave_out_descriptions(observation: &mut Observation) {
    for key in DESCRIPTIONS {
        if let Some(text) = observation.metadata.get_mut(&key) {
            *text = marker(text.chars().count());
        }
    }
}

/// The metadata's word for the status message. Not `completed`: then the message is about something else.
fn category(observation: &Observation) -> Option<String> {
    const KEYS: [MetadataKey; 3] =
        [MetadataKey::ErrorCategory, MetadataKey::WorkflowStatus, MetadataKey::TaskStatus];
    let category = KEYS.iter().find_map(|key| observation.metadata.get(key))?;
    (category != "completed").then(|| category.clone())
}

/// Quotations become their category.
fn reduce_status(observation: &mut Observation) {
    let category = category(observation);
    if let Some(Status::Quoted(text)) = &mut observation.status {
        *text = category.unwrap_or_else(|| marker(text.chars().count()));
    }
}

fn marker(size: usize) -> String {
    format!("[not captured: {size} chars]")
}

/// The number of characters of all texts in a value. A number or a switch counts as written.
fn size(value: &Value) -> usize {
    let mut size = 0;
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        match value {
            Value::String(text) => size += characters(text),
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => todo.extend(fields.values()),
            Value::Null => {}
            other => size += other.to_string().len(),
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{size, without_tool_parts};

    #[test]
    fn parts_of_tools_go_wherever_they_stand() {
        let mut value = json!([
            {"role": "user", "content": [{"type": "text", "text": "prompt"}, {"type": "tool_result", "tool_use_id": "t", "content": "body"}]},
            {"role": "tool", "tool_call_id": "t", "content": "body"},
            {"role": "assistant", "content": "answer", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "Bash", "arguments": {"command": "ls"}}}]},
            {"role": "assistant", "content": "answer", "tool_calls": [{"id": "t", "type": "function", "name": "Bash", "arguments": "ls"}]},
            {"role": "assistant", "content": "answer", "function_call": {"name": "Bash", "arguments": "ls"}},
            {"blocks": [{"type": "server_tool_use", "name": "web_search", "input": {"query": "abc"}}]},
        ]);
        without_tool_parts(&mut value);
        let expected = json!([
            {"role": "user", "content": [{"type": "text", "text": "prompt"}, {"type": "tool_result", "tool_use_id": "t", "content": "[not captured: 4 chars]"}]},
            {"role": "tool", "tool_call_id": "t", "content": "[not captured: 4 chars]"},
            {"role": "assistant", "content": "answer", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "Bash", "arguments": "[not captured: 2 chars]"}}]},
            {"role": "assistant", "content": "answer", "tool_calls": [{"id": "t", "type": "function", "name": "Bash", "arguments": "[not captured: 2 chars]"}]},
            {"role": "assistant", "content": "answer", "function_call": {"name": "Bash", "arguments": "[not captured: 2 chars]"}},
            {"blocks": [{"type": "server_tool_use", "name": "web_search", "input": "[not captured: 3 chars]"}]},
        ]);
        assert_eq!(value, expected);
    }

    #[test]
    fn a_size_counts_characters() {
        assert_eq!(size(&json!({"a": ["é", 12, true, null]})), 7);
    }
}
