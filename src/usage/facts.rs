//! Facts of one session: a row per model call and per tool call, with what tables group by.

use base::Timestamp;
use transcript::Usage;

/// The facts of a session.
#[derive(Clone, Debug, Default)]
pub struct SessionFacts {
    pub turns: Vec<TurnFacts>,
    pub calls: Vec<CallFacts>,
    pub tools: Vec<ToolFacts>,
    /// The session that it was forked from.
    pub parent: Option<String>,
}

/// What all calls of a turn share, and those of the agents that it launched.
#[derive(Clone, Debug, Default)]
pub struct TurnFacts {
    /// The opening row's uuid.
    pub uuid: String,
    pub branch: Option<String>,
    /// Claude Code's release.
    pub version: Option<String>,
    /// The first commit that was made in this turn or after it: the last one of the turn itself, else the first of a later one.
    pub commit: Option<String>,
    /// The same of pull requests, by URL.
    pub pull_request: Option<String>,
    /// Reasoning effort of its first model call.
    pub effort: Option<String>,
}

/// A model call.
#[derive(Clone, Debug)]
pub struct CallFacts {
    /// Its turn, by its place in [`SessionFacts::turns`].
    pub turn: usize,
    pub started_at: Timestamp,
    /// The name that Langfuse gets.
    pub model: String,
    /// The type of the agent that made it; `None` for the session itself.
    pub agent_type: Option<String>,
    pub usage: Usage,
    pub effort: Option<String>,
    pub speed: Option<String>,
    pub service_tier: Option<String>,
}

/// A tool call.
#[derive(Clone, Debug)]
pub struct ToolFacts {
    /// Its turn, by its place in [`SessionFacts::turns`].
    pub turn: usize,
    pub called_at: Timestamp,
    pub name: String,
    /// What was asked: a command, a path, a pattern.
    pub asked: Option<String>,
    pub agent_type: Option<String>,
    /// The model that called it.
    pub model: Option<String>,
    /// The skill that was called, or for which the tool was called.
    pub skill: Option<String>,
    pub outcome: ToolOutcome,
    /// From the call to its result.
    pub milliseconds: Option<u64>,
    /// Characters that the model got.
    pub output_chars: u64,
    /// The same call failed the last time.
    pub is_retry: bool,
    /// A file that was read before, and was still the same.
    pub is_reread: bool,
}

/// How a tool call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolOutcome {
    Done,
    Failed,
    /// A rule or a person did not allow it.
    Denied,
    /// The person stopped it.
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
