//! Content blocks for Langfuse: one text if all are text, else their parts; bytes become a placeholder.

use serde_json::{Value, json};
use transcript::{Block, Media};

use super::observation::Content;

/// One text if every block is text or has a placeholder, else the list of parts.
pub(super) fn content(blocks: &[Block]) -> Value {
    let texts: Option<Vec<String>> = blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) => Some(text.clone()),
            Block::Media(media) => Some(placeholder(media)),
            _ => None,
        })
        .collect();
    match texts {
        Some(texts) => Value::String(texts.join("\n")),
        None => Value::Array(blocks.iter().map(part).collect()),
    }
}

pub(super) fn part(block: &Block) -> Value {
    match block {
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::Thinking(text) => json!({"type": "thinking", "content": text}),
        Block::RedactedThinking { size } => json!({"type": "redacted_thinking", "size": size}),
        Block::ToolUse(tool) => {
            json!({"type": "tool_use", "id": tool.id, "name": tool.name, "input": tool.input})
        }
        Block::ToolResult(result) => {
            json!({"type": "tool_result", "tool_use_id": result.tool_use_id, "content": content(&result.content)})
        }
        Block::Media(media) => json!({"type": "text", "text": placeholder(media)}),
        Block::Other(value) => value.clone(),
    }
}

fn placeholder(media: &Media) -> String {
    let Media { kind, media_type, size, url } = media;
    match (size, url) {
        (Some(size), _) => format!("[{kind}: {media_type}, {size} bytes]"),
        (None, Some(url)) => format!("[{kind}: {url}]"),
        (None, None) => format!("[{kind}: {media_type}]"),
    }
}

pub(super) fn plain_or_parts(blocks: &[Block]) -> Content {
    match content(blocks) {
        Value::String(text) => Content::Text(text),
        parts => Content::Json(parts),
    }
}
