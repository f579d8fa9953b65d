//! The rows of a transcript as Claude Code writes them: wire types, everything optional.
//!
//! Releases write about 45 row types with fields that come and go (docs/claude-code.md, "Rows"). Here are those that some span
//! needs.

mod message;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::git::GitOperation;
use super::tolerant::{self, Tolerant};
pub(super) use message::{Block, Message, Source, Usage};

/// Any row. `kind` and the release decide which fields exist.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(rename = "type")]
    pub kind: Tolerant<String>,
    pub subtype: Tolerant<String>,
    pub uuid: Tolerant<String>,
    pub parent_uuid: Tolerant<String>,
    /// The parent of a boundary, which is not its `parentUuid`.
    pub logical_parent_uuid: Tolerant<String>,
    pub timestamp: Tolerant<String>,
    pub session_id: Tolerant<String>,
    pub session_kind: Tolerant<String>,
    pub cwd: Tolerant<String>,
    pub version: Tolerant<String>,
    pub git_branch: Tolerant<String>,
    pub entrypoint: Tolerant<String>,
    pub is_sidechain: Tolerant<bool>,
    pub is_meta: Tolerant<bool>,
    pub is_compact_summary: Tolerant<bool>,
    /// Of a summary: the opening rows of the replaced turns, the running one last.
    pub summarized_turn_prompt_uuids: Tolerant<Vec<String>>,
    pub is_visible_in_transcript_only: Tolerant<bool>,
    pub repeats_compact_summary: Tolerant<bool>,
    pub queue_transcript_only: Tolerant<bool>,
    pub prompt_id: Tolerant<String>,
    pub prompt_source: Tolerant<String>,
    /// The purpose of a row by the CLI: `local`, `hook`, `harness` or `recorded` (2.1.332).
    pub row_source: Tolerant<String>,
    pub turn_origin: Tolerant<String>,
    #[serde(deserialize_with = "tolerant::object")]
    pub turn_position: Option<TurnPosition>,
    #[serde(deserialize_with = "tolerant::object")]
    pub origin: Option<Origin>,
    pub permission_mode: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub forked_from: Option<&'a RawValue>,
    pub request_session_id: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub message: Option<Message<'a>>,
    pub request_id: Tolerant<String>,
    pub request_ref: Tolerant<String>,
    pub api_block_index: Tolerant<u64>,
    pub requested_model: Tolerant<String>,
    pub effort: Tolerant<String>,
    pub attribution_skill: Tolerant<String>,
    pub is_api_error_message: Tolerant<bool>,
    pub api_error: Tolerant<String>,
    pub api_error_type: Tolerant<String>,
    pub api_error_status: Tolerant<u64>,
    pub retry_attempt: Tolerant<u64>,
    /// `system`/`turn_duration`.
    pub duration_ms: Tolerant<u64>,
    pub is_aborted_mid_stream: Tolerant<bool>,
    pub stream_cut_cause: Tolerant<String>,
    #[serde(rename = "sourceToolAssistantUUID")]
    pub source_tool_assistant_uuid: Tolerant<String>,
    #[serde(deserialize_with = "tolerant::object")]
    pub tool_use_result: Option<Outcome>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub mcp_meta: Option<McpMeta<'a>>,
    pub tool_ends_turn: Tolerant<bool>,
    pub tool_denial_kind: Tolerant<String>,
    pub tool_denial_before_run: Tolerant<bool>,
    #[serde(deserialize_with = "tolerant::object")]
    pub permission_decision: Option<PermissionDecision>,
    /// `system`/`api_error`. In other rows a string, which is ignored.
    #[serde(deserialize_with = "tolerant::object")]
    pub error: Option<ErrorDetail>,
    #[serde(deserialize_with = "tolerant::object")]
    pub compact_metadata: Option<CompactMetadata>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub attachment: Option<Attachment<'a>>,
    /// `system`/`informational`: the agent that a command started.
    pub launched_agent_id: Tolerant<String>,
    /// `queue-operation`: the queued text. `system`: the message for the person.
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub content: Option<&'a RawValue>,
    /// `api-request`: its id.
    pub id: Tolerant<String>,
    /// `api-request`: the request whose first messages it repeats.
    pub base: Tolerant<String>,
    /// `api-request`: the number of messages that it repeats.
    pub keep: Tolerant<usize>,
    /// `api-request`: the hashes of its further messages, a list of texts.
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub tail: Option<&'a RawValue>,
    /// `api-request-blob`: the hash of its message.
    pub hash: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub params: Option<&'a RawValue>,
    /// `custom-title`, which a person gave, and `ai-title`.
    pub custom_title: Tolerant<String>,
    pub ai_title: Tolerant<String>,
    /// `api-request`: the hash of its system prompt and tools.
    pub shape_hash: Tolerant<String>,
    /// `pr-link`: the pull request's URL.
    pub pr_url: Tolerant<String>,
}

/// The metadata of a compaction's boundary row.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CompactMetadata {
    pub trigger: Tolerant<String>,
    pub pre_tokens: Tolerant<u64>,
    pub post_tokens: Tolerant<u64>,
    pub duration_ms: Tolerant<u64>,
    #[serde(deserialize_with = "tolerant::object")]
    pub preserved_messages: Option<Preserved>,
    #[serde(deserialize_with = "tolerant::object")]
    pub preserved_segment: Option<Preserved>,
}

/// The rows that a compaction keeps: all of them, or the first and last in releases that do not list them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Preserved {
    pub uuids: Tolerant<Vec<String>>,
    pub head_uuid: Tolerant<String>,
    pub tail_uuid: Tolerant<String>,
    /// The row that they follow now.
    pub anchor_uuid: Tolerant<String>,
}

/// The error of an API error row.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorDetail {
    pub formatted: Tolerant<String>,
    pub status: Tolerant<u64>,
    pub message: Tolerant<String>,
}

/// The position of a prompt in the conversation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TurnPosition {
    pub turn_index: Tolerant<u64>,
}

/// The origin of a user row.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    pub kind: Tolerant<String>,
}

/// The decision about a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PermissionDecision {
    pub decision: Tolerant<String>,
    pub source: Tolerant<String>,
}

/// An addition of the CLI to the conversation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attachment<'a> {
    #[serde(rename = "type")]
    pub kind: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub prompt: Option<&'a RawValue>,
    #[serde(rename = "maxTurns")]
    pub max_turns: Tolerant<u64>,
    #[serde(deserialize_with = "tolerant::object")]
    pub context: Option<Context>,
}

/// The context that a process sends the model first.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Context {
    pub git_status: Tolerant<String>,
}

/// An MCP server's result beside its text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct McpMeta<'a> {
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub structured_content: Option<&'a RawValue>,
}

/// `toolUseResult` of launches with their outcome, of large saved outputs, and of changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Outcome {
    pub agent_id: Tolerant<String>,
    pub status: Tolerant<String>,
    pub is_async: Tolerant<bool>,
    pub run_id: Tolerant<String>,
    pub workflow_name: Tolerant<String>,
    pub background_task_id: Tolerant<String>,
    pub persisted_output_path: Tolerant<String>,
    pub persisted_output_size: Tolerant<u64>,
    pub structured_patch: Tolerant<Vec<Hunk>>,
    #[serde(deserialize_with = "tolerant::object")]
    pub git_operation: Option<GitOperation>,
}

/// The row of a skill that a person typed and that continues in the background.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SkillLaunch {
    pub agent_id: Tolerant<String>,
}

/// One change in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Hunk {
    pub old_start: Tolerant<u64>,
    pub old_lines: Tolerant<u64>,
    pub new_start: Tolerant<u64>,
    pub new_lines: Tolerant<u64>,
    pub lines: Tolerant<Vec<String>>,
}

/// A row that describes the whole session: `custom-title`, `ai-title`, `cost-state`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SessionRow {
    pub custom_title: Tolerant<String>,
    pub ai_title: Tolerant<String>,
    #[serde(rename = "totalCostUSD")]
    pub total_cost: Tolerant<f64>,
    /// By model.
    pub model_usage: Tolerant<BTreeMap<String, ModelUsage>>,
}

/// Tokens of one model over the whole session.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ModelUsage {
    pub input_tokens: Tolerant<u64>,
    pub output_tokens: Tolerant<u64>,
    pub cache_read_input_tokens: Tolerant<u64>,
    pub cache_creation_input_tokens: Tolerant<u64>,
}

/// `system`/`stop_hook_summary`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct HookSummary {
    pub subtype: Tolerant<String>,
    pub hook_infos: Tolerant<Vec<HookInfo>>,
}

/// One run of a hook.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct HookInfo {
    pub command: Tolerant<String>,
    pub duration_ms: Tolerant<u64>,
}
