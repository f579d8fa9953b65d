//! Names of spans, of low cardinality so that Langfuse can group by them.

use std::borrow::Cow;

use transcript::ToolUse;

use super::agent_facts::AgentFacts;

/// A constant, the name of a tool or the type of an agent.
///
/// ```
/// use claude_langfuse::trace::{AgentFacts, SpanName};
///
/// let facts = AgentFacts { description: Some("look for X".to_owned()), ..AgentFacts::default() };
/// assert_eq!(SpanName::of_agent(&facts).as_str(), "agent");
/// ```
///
/// Text such as a description does not become a name:
///
/// ```compile_fail,E0277
/// use claude_langfuse::trace::{AgentFacts, SpanName};
///
/// let facts = AgentFacts { description: Some("look for X".to_owned()), ..AgentFacts::default() };
/// let name: SpanName = facts.description.unwrap_or_default().into();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanName(Cow<'static, str>);

macro_rules! names {
    ($($constant:ident $name:literal)*) => {
        impl SpanName {
            $(pub const $constant: Self = Self(Cow::Borrowed($name));)*
        }
    };
}

names! {
    TURN "claude-code"
    CHAT "chat"
    WARMUP "warm-up"
    WORKFLOW "workflow"
    COMPACTION "compaction"
    STEERING "steering"
    NOTIFICATION "notification"
    API_ERROR "api error"
    API_RETRY "api retry"
    MODEL_FALLBACK "model fallback"
    INTERRUPTED "interrupted"
    STOP_BLOCKED "stop blocked"
    COMMIT "commit"
    PULL_REQUEST "pull request"
}

impl SpanName {
    /// The tool's name.
    pub fn of_tool(tool: &ToolUse) -> Self {
        Self(tool.name.clone().into())
    }

    /// The agent's type. A warm-up is the root of a trace, and the names of roots are constant.
    pub fn of_agent(facts: &AgentFacts) -> Self {
        if facts.is_warmup {
            return Self::WARMUP;
        }
        Self(facts.agent_type.clone().map_or(Cow::Borrowed("agent"), Cow::Owned))
    }

    /// The name that is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Masks secrets: users choose the names of MCP servers.
    pub(crate) fn mask(&mut self, mask: impl FnOnce(&mut String)) {
        mask(self.0.to_mut());
    }
}
