//! Merges rows to messages, as Claude Code merges them.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::rows::Fields;
use crate::{as_json, replace_surrogates};

/// The role of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A person, a tool, or the CLI on their behalf.
    User,
    /// The model.
    Assistant,
    /// The CLI, between the messages (2.1.197 and later).
    System,
}

impl Role {
    /// The API's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::System => "system",
        }
    }
}

/// One message of a request. Blocks are the API's own: text, thinking, tool_use, tool_result, image, document …
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The role of a message.
    pub role: Role,
    /// The blocks; a plain text is one of them.
    pub content: Vec<Value>,
}

/// A message in its sent form.
pub(super) fn of(message: &Fields<'_>) -> Option<Message> {
    let role = match message.text("role")?.as_str() {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => Role::User,
    };
    let content = blocks(message.raw("content")?);
    Some(Message { role, content })
}

/// Messages being built.
#[derive(Debug, Default)]
pub(super) struct Merged {
    messages: Vec<(Message, Option<String>)>,
}

impl Merged {
    /// Adds a row. A row of the same role joins the last message. A part of an answer joins its answer, even if a
    /// tool's result was written before it.
    pub(super) fn add(&mut self, row: &Fields<'_>) {
        let message = row.object("message");
        let beside = || row.object("attachment").raw("prompt").or(row.raw("content"));
        let content = message.raw("content").or_else(beside);
        let is_failure = row.is_set("isApiErrorMessage");
        let Some(content) = content.filter(|_| !is_failure).map(blocks) else {
            return;
        };
        if row.text("type").as_deref() != Some("assistant") {
            return self.join(Role::User, None, content);
        }
        let id = message.text("id");
        let before = self.messages.len().checked_sub(2);
        if let Some((answer, other)) = before.and_then(|before| self.messages.get_mut(before))
            && answer.role == Role::Assistant
            && id.is_some()
            && *other == id
        {
            answer.content.extend(content);
            return;
        }
        self.join(Role::Assistant, id, content);
    }

    fn join(&mut self, role: Role, id: Option<String>, content: Vec<Value>) {
        match self.messages.last_mut() {
            Some((last, last_id)) if last.role == role => {
                last.content.extend(content);
                *last_id = id;
            }
            _ => self.messages.push((Message { role, content }, id)),
        }
    }

    /// The messages.
    pub(super) fn finish(self) -> Vec<Message> {
        let messages = self.messages.into_iter().map(|(message, _)| message);
        messages.filter(|message| !message.content.is_empty()).collect()
    }
}

/// Moves tool results to the beginning of their message: the API accepts them nowhere else.
pub(super) fn results_first(messages: &mut [Message]) {
    for message in messages {
        let blocks = message.content.drain(..);
        let (mut results, others): (Vec<Value>, Vec<Value>) = blocks.partition(is_result);
        results.extend(others);
        message.content = results;
    }
}

fn is_result(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str) == Some("tool_result")
}

fn blocks(content: &RawValue) -> Vec<Value> {
    let blocks = match as_json(&replace_surrogates(content.get())) {
        Value::Array(blocks) => blocks,
        text => vec![json!({"type": "text", "text": text})],
    };
    blocks.into_iter().map(without_cache_mark).collect()
}

/// Cache marks are no content.
fn without_cache_mark(mut block: Value) -> Value {
    if let Value::Object(fields) = &mut block {
        fields.shift_remove("cache_control");
    }
    block
}
