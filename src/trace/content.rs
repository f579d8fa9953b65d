//! Content blocks for Langfuse: one text if all blocks are text, otherwise their parts. Bytes become a placeholder.

use serde_json::{Value, json};
use transcript::{Block, Media, MediaSource};

use super::observation::Content;

/// One text if every block is text or has a placeholder, otherwise the list of parts.
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
    let Media { kind, media_type, size, url, source: _ } = media;
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

/// Input and output that name images and documents by their future ids in Langfuse.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WithMedia {
    pub input: Option<Content>,
    pub output: Option<Content>,
    /// Field, bytes and type of each.
    pub media: Vec<(&'static str, MediaSource, String)>,
}

/// The images and documents among these blocks whose bytes are wanted.
pub(super) fn media_in<'a>(
    blocks: &'a [Block],
    field: &'static str,
) -> impl Iterator<Item = (&'static str, MediaSource, String)> + use<'a> {
    blocks.iter().filter_map(move |block| match block {
        Block::Media(media) => Some((field, media.source.clone()?, media.media_type.clone())),
        _ => None,
    })
}

/// Parts of a message, in which Langfuse shows an image. It resolves no reference inside a longer text.
pub(super) fn parts_with_media(blocks: &[Block]) -> Value {
    let part_with_media = |block: &Block| match reference(block) {
        Some(reference) => json!({"type": "image_url", "image_url": {"url": reference}}),
        None => part(block),
    };
    Value::Array(blocks.iter().map(part_with_media).collect())
}

/// The reference to an image or a document.
pub(super) fn reference(block: &Block) -> Option<String> {
    let Block::Media(Media { media_type, source: Some(source), .. }) = block else {
        return None;
    };
    Some(format!("@@@langfuseMedia:type={media_type}|id={}|source=bytes@@@", source.id()))
}

/// The input of a turn or an agent with images; `None` without any.
pub(super) fn prompt_with_media(blocks: &[Block]) -> Option<Box<WithMedia>> {
    let media: Vec<_> = media_in(blocks, "input").collect();
    let message = || json!([{"role": "user", "content": parts_with_media(blocks)}]);
    (!media.is_empty())
        .then(|| Box::new(WithMedia { input: Some(Content::Json(message())), output: None, media }))
}
