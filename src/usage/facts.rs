//! Facts of one session: a row per model call and per tool call, with the values by which tables group. They hold no
//! path, no command and no text, because they are cached.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use transcript::Usage;

/// The facts of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionFacts {
    pub turns: Vec<TurnFacts>,
    pub calls: Vec<CallFacts>,
    pub tools: Vec<ToolFacts>,
    /// The session from which it was forked.
    pub parent: Option<String>,
    /// The states of Claude Code's own count, in order.
    pub counts: Vec<ClaudeCodeCount>,
}

/// Claude Code's own count up to some time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaudeCodeCount {
    pub output_tokens: u64,
    /// US dollars.
    pub cost: f64,
}

/// Facts shared by all calls of a turn, and of the agents that it launched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnFacts {
    /// The uuid of the opening row.
    pub uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Claude Code's release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The last commit of the turn itself, otherwise the first of a later turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The last pull request of the turn itself, otherwise the first of a later turn, by URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// A hash of the instructions in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Reasoning effort of its first model call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
}

/// A model call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallFacts {
    /// A digest that copies of the call have too.
    pub id: u64,
    /// Its turn, by its position in [`SessionFacts::turns`].
    pub turn: usize,
    pub started_at: Timestamp,
    /// The name sent to Langfuse.
    pub model: String,
    /// The type of the agent that made it; `None` for the session itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    pub usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolFacts {
    /// A digest that copies of the call have too.
    pub id: u64,
    /// Its turn, by its position in [`SessionFacts::turns`].
    pub turn: usize,
    pub called_at: Timestamp,
    pub name: String,
    /// A digest of the name and the arguments.
    pub request: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// The model that called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The skill that was called, or for which the tool was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    pub outcome: ToolOutcome,
    /// From the call to its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    /// Characters that the model received.
    pub output_chars: u64,
    /// The same call failed the last time.
    pub is_retry: bool,
    /// A file that was read before, unchanged since.
    pub is_reread: bool,
}

/// The outcome of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolOutcome {
    Done,
    Failed,
    /// A rule or a person denied it.
    Denied,
    /// A person stopped it.
    Stopped,
    /// It has no result.
    Unanswered,
}

impl ToolFacts {
    /// The MCP server of the tool.
    pub fn server(&self) -> Option<&str> {
        let (server, _) = self.name.strip_prefix("mcp__")?.split_once("__")?;
        Some(server)
    }
}
