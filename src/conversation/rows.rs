//! The rows that messages are made of: wire types, everything optional.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::transcript::lenient;

/// Any row.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(rename = "type", deserialize_with = "lenient::field")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub subtype: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub uuid: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub parent_uuid: Option<String>,
    /// `compact_boundary`: the last row before it.
    #[serde(deserialize_with = "lenient::field")]
    pub logical_parent_uuid: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub is_sidechain: Option<bool>,
    #[serde(deserialize_with = "lenient::field")]
    pub is_api_error_message: Option<bool>,
    #[serde(deserialize_with = "lenient::field")]
    pub is_compact_summary: Option<bool>,
    #[serde(deserialize_with = "lenient::field")]
    pub request_ref: Option<String>,
    #[serde(borrow, deserialize_with = "lenient::field")]
    pub message: Option<Message<'a>>,
    #[serde(borrow, deserialize_with = "lenient::field")]
    pub attachment: Option<Attachment<'a>>,
    /// `system`/`local_command`: what the command said.
    #[serde(borrow, deserialize_with = "lenient::raw")]
    pub content: Option<&'a RawValue>,
    #[serde(deserialize_with = "lenient::field")]
    pub compact_metadata: Option<Compacted>,
    /// `api-request`: its id.
    #[serde(deserialize_with = "lenient::field")]
    pub id: Option<String>,
    /// `api-request`: the request of which it keeps the first messages.
    #[serde(deserialize_with = "lenient::field")]
    pub base: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub keep: Option<usize>,
    /// `api-request`: the hashes of the others.
    #[serde(deserialize_with = "lenient::field")]
    pub tail: Option<Vec<String>>,
    /// `api-request-blob`: the hash of its message.
    #[serde(deserialize_with = "lenient::field")]
    pub hash: Option<String>,
}

/// `message` of a row.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(deserialize_with = "lenient::field")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub role: Option<String>,
    #[serde(borrow, deserialize_with = "lenient::raw")]
    pub content: Option<&'a RawValue>,
}

/// What the CLI added to the conversation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attachment<'a> {
    #[serde(rename = "type", deserialize_with = "lenient::field")]
    pub kind: Option<String>,
    #[serde(borrow, deserialize_with = "lenient::raw")]
    pub prompt: Option<&'a RawValue>,
    #[serde(deserialize_with = "lenient::field")]
    pub context: Option<SessionContext>,
}

/// What the model is told of the surroundings when a process begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SessionContext {
    #[serde(deserialize_with = "lenient::field")]
    pub git_status: Option<String>,
}

impl Attachment<'_> {
    /// The newest commit in what `git log` said.
    pub(super) fn commit(&self) -> Option<String> {
        let status = self.context.as_ref()?.git_status.as_deref()?;
        let (_, log) = status.split_once("\nRecent commits:\n")?;
        let hash = log.split_whitespace().next()?;
        let is_hash = hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| hash.to_owned())
    }
}

/// What a compaction's boundary says of the rows that it kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Compacted {
    #[serde(deserialize_with = "lenient::field")]
    pub preserved_segment: Option<Segment>,
    #[serde(deserialize_with = "lenient::field")]
    pub preserved_messages: Option<Preserved>,
}

/// Kept rows by their first and last, in releases that do not list them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Segment {
    pub head_uuid: String,
    pub anchor_uuid: String,
    pub tail_uuid: String,
}

/// Kept rows, and the row that they follow now.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Preserved {
    pub anchor_uuid: String,
    pub uuids: Vec<String>,
}

/// Of a block no more than what ties an answer to its question.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Block {
    #[serde(rename = "type", deserialize_with = "lenient::field")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::field")]
    pub tool_use_id: Option<String>,
}

/// Reads a row; `None` when it is none.
pub(super) fn read(text: &str) -> Option<Row<'_>> {
    serde_json::from_str(text).ok()
}

impl Row<'_> {
    /// The ids of the blocks of one kind: of tools that are asked for, or that are answered.
    pub(super) fn tools(&self, kind: &str) -> Vec<String> {
        let content = self.message.as_ref().and_then(|message| message.content);
        let blocks: Vec<Block> = content
            .and_then(|content| serde_json::from_str(content.get()).ok())
            .unwrap_or_default();
        blocks
            .into_iter()
            .filter(|block| block.kind.as_deref() == Some(kind))
            .filter_map(|block| block.tool_use_id.or(block.id))
            .collect()
    }
}
