//! The keys themselves, in the order in which `docs/metadata.md` shows them.

use super::{Key, Place, key};

/// All keys. A trace's key and an observation's key never share a name: Langfuse keeps both in one map.
pub static KEYS: &[Key] = &[
    key("schema_version", Place::Trace, "version of this contract"),
    key(
        "project",
        Place::Trace,
        "name of the directory in which the session was started",
    ),
    key(
        "repository",
        Place::Trace,
        "host, owner and name of the git remote `origin`, without credentials",
    ),
    key(
        "branch",
        Place::Trace,
        "git branch when the turn was opened",
    ),
    key(
        "cwd",
        Place::Trace,
        "working directory when the turn was opened",
    ),
    key(
        "entrypoint",
        Place::Trace,
        "how Claude Code was started: `cli`, `sdk-cli`, `sdk-py`, `sdk-ts` …",
    ),
    key(
        "permission_mode",
        Place::Trace,
        "permission mode when the turn was opened",
    ),
    key(
        "prompt_id",
        Place::Trace,
        "Claude Code's id of the prompt (another one in a fork)",
    ),
    key("prompt_source", Place::Trace, "`typed`, `queued`, `sdk` …"),
    key(
        "turn_origin",
        Place::Trace,
        "what opened the turn: `human`, `sdk`, `task_notification`, `scheduled` …",
    ),
    key(
        "turn_number",
        Place::Trace,
        "1-based number of the turn in its session",
    ),
    key(
        "warmup",
        Place::Trace,
        "`true`: an agent that Claude Code started for itself (2.0.76)",
    ),
    key(
        "unlinked_agent",
        Place::Trace,
        "`true`: an agent that nothing links to a turn",
    ),
    key(
        "parent_session",
        Place::Trace,
        "the session that this one was forked from",
    ),
    key(
        "content_refused",
        Place::Any,
        "why input and output are missing: the server refused them",
    ),
    key(
        "masked",
        Place::Any,
        "secrets taken out, by kind: `github-token 2, jwt 1`",
    ),
    key(
        "unanswered_requests",
        Place::Root,
        "requests that no answer refers to: failed attempts, and those that were stopped before the first block",
    ),
    key(
        "rewound_from",
        Place::Turn,
        "uuid of the opening row of the turn that was left: before this turn the conversation went back to an earlier place",
    ),
    key(
        "turns_abandoned",
        Place::Turn,
        "how many turns that left behind; they stay as they are",
    ),
    key(
        "notified_task",
        Place::Notification,
        "the background task whose end was notified",
    ),
    key(
        "notified_tool_use_id",
        Place::Notification,
        "the tool call that launched that task, or resumed that agent",
    ),
    key(
        "notified_status",
        Place::Notification,
        "how it ended: `completed`, `failed`, `killed`, `stopped`",
    ),
    key(
        "parent_trace_id",
        Place::Turn,
        "attached mode: the trace it was attached to",
    ),
    key("agent_id", Place::Agent, "Claude Code's id of the agent"),
    key(
        "agent_type",
        Place::Agent,
        "the kind of agent, e.g. `Explore`",
    ),
    key(
        "agent_description",
        Place::Agent,
        "what the model said the agent is for",
    ),
    key(
        "agent_depth",
        Place::Agent,
        "1 when the session itself launched it",
    ),
    key(
        "workflow_run",
        Place::Workflow,
        "Claude Code's id of the workflow's run",
    ),
    key(
        "workflow_name",
        Place::Workflow,
        "what the workflow's script calls it",
    ),
    key(
        "workflow_status",
        Place::Workflow,
        "how the run ended: `completed`, `failed`, `killed`; `stopped`: lost with the process that ran it",
    ),
    key(
        "workflow_phase",
        Place::Agent,
        "the phase of the workflow whose step it is",
    ),
    key(
        "agent_outcome",
        Place::Agent,
        "how it ended: `completed`, `failed`, `killed`; `stopped`: lost with the process that ran it",
    ),
    key(
        "compaction_trigger",
        Place::Compaction,
        "`manual`: asked for by a person; `auto`: the context was full",
    ),
    key(
        "tokens_before",
        Place::Compaction,
        "tokens of the conversation before the compaction",
    ),
    key(
        "tokens_after",
        Place::Compaction,
        "tokens of what the compaction left",
    ),
    key(
        "message_id",
        Place::Generation,
        "the API's id of the message",
    ),
    key(
        "request_id",
        Place::Generation,
        "the API's id of the request",
    ),
    key(
        "raw_model",
        Place::Generation,
        "the model's name as the API gave it, where it was changed to one that has a price",
    ),
    key(
        "requested_model",
        Place::Generation,
        "the model that was asked for, where another one answered",
    ),
    key(
        "attributed_skill",
        Place::Generation,
        "the skill for which the call was made",
    ),
    key("stop_reason", Place::Generation, "why the model stopped"),
    key(
        "input_kind",
        Place::Generation,
        "`delta`: the input is what was new since the last call",
    ),
    key(
        "thinking_tokens",
        Place::Generation,
        "output tokens that were thinking",
    ),
    key(
        "web_search_requests",
        Place::Generation,
        "searches that the API made itself; they have a price of their own, which no token count holds",
    ),
    key(
        "web_fetch_requests",
        Place::Generation,
        "pages that the API fetched itself",
    ),
    key(
        "output_tokens_bound",
        Place::Generation,
        "`lower`: no final count was written",
    ),
    key(
        "cut_off",
        Place::Generation,
        "`true` when the stream was stopped",
    ),
    key("tool_use_id", Place::Tool, "the API's id of the tool call"),
    key(
        "caused_by",
        Place::Tool,
        "span id of the model call that asked for it",
    ),
    key("mcp_server", Place::Tool, "MCP: the server"),
    key(
        "mcp_tool",
        Place::Tool,
        "MCP: the tool's name at the server",
    ),
    key(
        "error_category",
        Place::Tool,
        "`exit code`, `invalid input`, `unknown tool`, `tool` (it failed itself), `refused`, `stopped`, `no result`",
    ),
    key(
        "exit_code",
        Place::Tool,
        "exit code of a command that failed, or that ran in the background",
    ),
    key("skill", Place::Tool, "the skill that was called"),
    key(
        "denial",
        Place::Tool,
        "why it was not run: `permission-rule`, `user-rejected`",
    ),
    key("permission_decision", Place::Tool, "`accept` or `reject`"),
    key("permission_source", Place::Tool, "who or what decided"),
    key(
        "saved_to",
        Place::Tool,
        "file with all of an output that was too large for the model, which got its beginning",
    ),
    key("saved_size", Place::Tool, "size of that file in bytes"),
    key(
        "agent_status",
        Place::Tool,
        "state of the launched agent, as the tool's result says",
    ),
    key(
        "background_task",
        Place::Tool,
        "the background task that it launched",
    ),
    key(
        "background_outcome",
        Place::Tool,
        "how that task ended, where it did before the next turn: `completed`, `failed`, `killed`",
    ),
    key("event_uuid", Place::Event, "uuid of the row"),
    key(
        "http_status",
        Place::Event,
        "failed call: the status of the API's answer",
    ),
    key(
        "api_error",
        Place::Event,
        "failed call: the kind of error, e.g. `overloaded_error`, `max_output_tokens`",
    ),
    key(
        "attempt",
        Place::Event,
        "failed call that was tried again: which attempt it was, from 1 on",
    ),
];
