//! Facts about an agent from the files beside its transcript and from its launch.

/// Facts about an agent beyond its own rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFacts {
    pub agent_id: String,
    /// e.g. `Explore`.
    pub agent_type: Option<String>,
    /// The model's description of the task.
    pub description: Option<String>,
    /// 1 = launched by the session.
    pub depth: Option<u64>,
    /// The phase of its workflow.
    pub workflow_phase: Option<String>,
    /// `completed`, `failed`, `killed` or `stopped`, from the call's result or a notification.
    pub outcome: Option<String>,
    /// Claude Code started it for itself (2.0.76), as the root of a trace.
    pub is_warmup: bool,
}
