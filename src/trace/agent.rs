//! An agent's run as a tree of observations under the tool call that launched it.

use transcript::session::AgentRun;

use super::activity::{Launch, finish_root, launches, observe_activity};
use super::content::plain_or_parts;
use super::ids::{SpanId, TraceId};
use super::metadata::MetadataKey;
use super::observation::{Level, Observation};
use super::span_name::SpanName;
use super::status::Status;

/// What is known of an agent beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFacts {
    /// Claude Code's id.
    pub agent_id: String,
    /// e.g. `Explore`.
    pub agent_type: Option<String>,
    /// What the model said it is for.
    pub description: Option<String>,
    /// 1 = launched by the session itself.
    pub depth: Option<u64>,
    /// The phase of the workflow whose step it is.
    pub workflow_phase: Option<String>,
    /// How it ended, where the call's result or a notification says so: `completed`, `failed`, `killed`.
    pub outcome: Option<String>,
}

/// Gives the observations of an agent's run one after the other, its root last, and returns what it launched itself.
///
/// `parent`: the tool call that launched it, if one did; `ended`: its call has its final result, its end was notified, or the
/// session is over.
pub fn observe_agent(
    run: &AgentRun,
    facts: &AgentFacts,
    trace_id: &TraceId,
    parent: Option<&SpanId>,
    ended: bool,
    emit: &mut dyn FnMut(Observation),
) -> Vec<Launch> {
    let root_id = SpanId::agent(&facts.agent_id);
    observe_activity(&run.activity, trace_id, &root_id, ended, emit);
    let mut root = Observation::new(trace_id.clone(), root_id, parent.cloned(), run.opening.at);
    root.name = SpanName::of_agent(facts);
    finish_root(&mut root, &run.activity);
    root.complete = ended;
    root.input = Some(plain_or_parts(&run.opening.prompt.content));
    root.note(MetadataKey::AgentId, Some(&facts.agent_id));
    root.note(MetadataKey::AgentType, facts.agent_type.as_ref());
    root.note(MetadataKey::AgentDescription, facts.description.as_ref());
    root.note(MetadataKey::WorkflowPhase, facts.workflow_phase.as_ref());
    match facts.outcome.as_deref() {
        // The agent's own rows say why, where they do.
        Some("failed") if root.level != Level::Error => {
            root.level = Level::Error;
            root.status = Some(Status::Failed);
        }
        Some("killed") => root.warn(Status::Killed),
        Some("stopped") => root.warn(Status::Stopped),
        _ => {}
    }
    if !run.activity.is_settled && root.level == Level::Default {
        root.warn(Status::NoResult);
    }
    root.note(MetadataKey::AgentOutcome, facts.outcome.as_ref());
    root.note(MetadataKey::AgentDepth, facts.depth);
    emit(root);
    launches(&run.activity)
}
