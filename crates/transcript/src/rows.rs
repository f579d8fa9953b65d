//! The rows of a transcript as Claude Code writes them: wire types, everything optional.
//!
//! Releases write about 45 row types with fields that come and go (docs/claude-code.md, "Rows"). Here are those that some span
//! needs.

mod message;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::git::GitOperation;
use super::tolerant;
pub(super) use message::{Block, Message, Source, Usage};

/// Any row. Which fields are there depends on `kind` and on the release.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(rename = "type", deserialize_with = "tolerant::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub subtype: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub uuid: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub parent_uuid: Option<String>,
    /// A boundary's parent, which is not its `parentUuid`.
    #[serde(deserialize_with = "tolerant::text")]
    pub logical_parent_uuid: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub timestamp: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub session_id: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub session_kind: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub cwd: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub version: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub git_branch: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub entrypoint: Option<String>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_sidechain: Option<bool>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_meta: Option<bool>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_compact_summary: Option<bool>,
    /// Of a summary: the opening rows of the turns that it replaces, the running one last.
    #[serde(deserialize_with = "tolerant::field")]
    pub summarized_turn_prompt_uuids: Option<Vec<String>>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_visible_in_transcript_only: Option<bool>,
    #[serde(deserialize_with = "tolerant::field")]
    pub repeats_compact_summary: Option<bool>,
    #[serde(deserialize_with = "tolerant::field")]
    pub queue_transcript_only: Option<bool>,
    #[serde(deserialize_with = "tolerant::text")]
    pub prompt_id: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub prompt_source: Option<String>,
    /// What the CLI wrote the row for: `local`, `hook`, `harness` or `recorded` (2.1.332).
    #[serde(deserialize_with = "tolerant::text")]
    pub row_source: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub turn_origin: Option<String>,
    #[serde(deserialize_with = "tolerant::object")]
    pub turn_position: Option<TurnPosition>,
    #[serde(deserialize_with = "tolerant::object")]
    pub origin: Option<Origin>,
    #[serde(deserialize_with = "tolerant::text")]
    pub permission_mode: Option<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub forked_from: Option<&'a RawValue>,
    #[serde(deserialize_with = "tolerant::text")]
    pub request_session_id: Option<String>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub message: Option<Message<'a>>,
    #[serde(deserialize_with = "tolerant::text")]
    pub request_id: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub request_ref: Option<String>,
    #[serde(deserialize_with = "tolerant::field")]
    pub api_block_index: Option<u64>,
    #[serde(deserialize_with = "tolerant::text")]
    pub requested_model: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub effort: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub attribution_skill: Option<String>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_api_error_message: Option<bool>,
    #[serde(deserialize_with = "tolerant::text")]
    pub api_error: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub api_error_type: Option<String>,
    #[serde(deserialize_with = "tolerant::number")]
    pub api_error_status: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub retry_attempt: Option<u64>,
    /// `system`/`turn_duration`.
    #[serde(deserialize_with = "tolerant::number")]
    pub duration_ms: Option<u64>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_aborted_mid_stream: Option<bool>,
    #[serde(deserialize_with = "tolerant::text")]
    pub stream_cut_cause: Option<String>,
    #[serde(rename = "sourceToolAssistantUUID", deserialize_with = "tolerant::text")]
    pub source_tool_assistant_uuid: Option<String>,
    #[serde(deserialize_with = "tolerant::object")]
    pub tool_use_result: Option<Outcome>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub mcp_meta: Option<McpMeta<'a>>,
    #[serde(deserialize_with = "tolerant::field")]
    pub tool_ends_turn: Option<bool>,
    #[serde(deserialize_with = "tolerant::text")]
    pub tool_denial_kind: Option<String>,
    #[serde(deserialize_with = "tolerant::field")]
    pub tool_denial_before_run: Option<bool>,
    #[serde(deserialize_with = "tolerant::object")]
    pub permission_decision: Option<PermissionDecision>,
    /// `system`/`api_error`; elsewhere a string, which is of no use here.
    #[serde(deserialize_with = "tolerant::object")]
    pub error: Option<ErrorDetail>,
    #[serde(deserialize_with = "tolerant::object")]
    pub compact_metadata: Option<CompactMetadata>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub attachment: Option<Attachment<'a>>,
    /// `system`/`informational`: the agent that a command started.
    #[serde(deserialize_with = "tolerant::text")]
    pub launched_agent_id: Option<String>,
    /// `queue-operation`: the queued text. `system`: the message for the person.
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub content: Option<&'a RawValue>,
    /// `api-request`: its id.
    #[serde(deserialize_with = "tolerant::text")]
    pub id: Option<String>,
    /// `api-request`: the request whose first messages it repeats.
    #[serde(deserialize_with = "tolerant::text")]
    pub base: Option<String>,
    /// `api-request`: the number of messages that it repeats.
    #[serde(deserialize_with = "tolerant::field")]
    pub keep: Option<usize>,
    /// `api-request`: the hashes of its further messages, a list of texts.
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub tail: Option<&'a RawValue>,
    /// `api-request-blob`: the hash of its message.
    #[serde(deserialize_with = "tolerant::text")]
    pub hash: Option<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub params: Option<&'a RawValue>,
    /// `custom-title`, which a person gave, and `ai-title`.
    #[serde(deserialize_with = "tolerant::text")]
    pub custom_title: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub ai_title: Option<String>,
    /// `api-request`: the hash of its system prompt and tools.
    #[serde(deserialize_with = "tolerant::text")]
    pub shape_hash: Option<String>,
    /// `pr-link`: the pull request's URL.
    #[serde(deserialize_with = "tolerant::text")]
    pub pr_url: Option<String>,
}

/// What a compaction's boundary row says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CompactMetadata {
    #[serde(deserialize_with = "tolerant::text")]
    pub trigger: Option<String>,
    #[serde(deserialize_with = "tolerant::number")]
    pub pre_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub post_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub duration_ms: Option<u64>,
    #[serde(deserialize_with = "tolerant::object")]
    pub preserved_messages: Option<Preserved>,
    #[serde(deserialize_with = "tolerant::object")]
    pub preserved_segment: Option<Preserved>,
}

/// The rows that a compaction keeps: all of them, or the first and the last in releases that do not list them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Preserved {
    #[serde(deserialize_with = "tolerant::field")]
    pub uuids: Option<Vec<String>>,
    #[serde(deserialize_with = "tolerant::text")]
    pub head_uuid: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub tail_uuid: Option<String>,
    /// The row that they follow now.
    #[serde(deserialize_with = "tolerant::text")]
    pub anchor_uuid: Option<String>,
}

/// What an API error row says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorDetail {
    #[serde(deserialize_with = "tolerant::text")]
    pub formatted: Option<String>,
    #[serde(deserialize_with = "tolerant::number")]
    pub status: Option<u64>,
    #[serde(deserialize_with = "tolerant::text")]
    pub message: Option<String>,
}

/// Where in the conversation a prompt stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TurnPosition {
    #[serde(deserialize_with = "tolerant::number")]
    pub turn_index: Option<u64>,
}

/// Where a user row comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    #[serde(deserialize_with = "tolerant::text")]
    pub kind: Option<String>,
}

/// Who let a tool run, or not.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PermissionDecision {
    #[serde(deserialize_with = "tolerant::text")]
    pub decision: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub source: Option<String>,
}

/// What the CLI added to the conversation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attachment<'a> {
    #[serde(rename = "type", deserialize_with = "tolerant::text")]
    pub kind: Option<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub prompt: Option<&'a RawValue>,
    #[serde(rename = "maxTurns", deserialize_with = "tolerant::number")]
    pub max_turns: Option<u64>,
    #[serde(deserialize_with = "tolerant::object")]
    pub context: Option<Context>,
}

/// The context that a process gives the model first.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Context {
    #[serde(deserialize_with = "tolerant::text")]
    pub git_status: Option<String>,
}

/// What an MCP server gave beside the text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct McpMeta<'a> {
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub structured_content: Option<&'a RawValue>,
}

/// `toolUseResult` where it says what was launched and how it ended, where a large output was saved, or what was changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Outcome {
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_id: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "tolerant::field")]
    pub is_async: Option<bool>,
    #[serde(deserialize_with = "tolerant::text")]
    pub run_id: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub workflow_name: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub background_task_id: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub persisted_output_path: Option<String>,
    #[serde(deserialize_with = "tolerant::number")]
    pub persisted_output_size: Option<u64>,
    #[serde(deserialize_with = "tolerant::field")]
    pub structured_patch: Option<Vec<Hunk>>,
    #[serde(deserialize_with = "tolerant::object")]
    pub git_operation: Option<GitOperation>,
}

/// What the row of a skill says that a person typed and that goes on in the background.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SkillLaunch {
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_id: Option<String>,
}

/// One place where a file was changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Hunk {
    #[serde(deserialize_with = "tolerant::number")]
    pub old_start: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub old_lines: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub new_start: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub new_lines: Option<u64>,
    #[serde(deserialize_with = "tolerant::field")]
    pub lines: Option<Vec<String>>,
}

/// A row that describes the whole session: `custom-title`, `ai-title`, `cost-state`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SessionRow {
    #[serde(deserialize_with = "tolerant::text")]
    pub custom_title: Option<String>,
    #[serde(deserialize_with = "tolerant::text")]
    pub ai_title: Option<String>,
    #[serde(rename = "totalCostUSD", deserialize_with = "tolerant::field")]
    pub total_cost: Option<f64>,
    /// By model.
    #[serde(deserialize_with = "tolerant::field")]
    pub model_usage: Option<BTreeMap<String, ModelUsage>>,
}

/// Tokens of one model over the whole session.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ModelUsage {
    #[serde(deserialize_with = "tolerant::number")]
    pub input_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub output_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::number")]
    pub cache_creation_input_tokens: Option<u64>,
}

/// `system`/`stop_hook_summary`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct HookSummary {
    #[serde(deserialize_with = "tolerant::text")]
    pub subtype: Option<String>,
    #[serde(deserialize_with = "tolerant::field")]
    pub hook_infos: Option<Vec<HookInfo>>,
}

/// One run of a hook.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct HookInfo {
    #[serde(deserialize_with = "tolerant::text")]
    pub command: Option<String>,
    #[serde(deserialize_with = "tolerant::number")]
    pub duration_ms: Option<u64>,
}
