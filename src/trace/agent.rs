//! An agent's run as a tree of observations under the tool call that launched it.

use transcript::session::AgentRun;

use super::activity::{ending, finish_root, launches, observe_activity};
use super::content::{plain_or_parts, prompt_with_media};
use super::{
    AgentFacts, Launch, Level, MetadataKey, Observation, Placeholder, SpanId, SpanIds, SpanName,
    Status,
};

/// Emits the observations of an agent's run, its root last, and returns its launches.
///
/// `parent` is the tool call that launched the agent. `ended`: the call has its final result, the end was notified, or the
/// session is over.
pub fn observe_agent(
    run: &AgentRun,
    facts: &AgentFacts,
    ids: &SpanIds,
    parent: Option<&SpanId>,
    ended: bool,
    emit: &mut dyn FnMut(Observation),
) -> Vec<Launch> {
    let root_id = ids.agent(&facts.agent_id);
    observe_activity(&run.activity, ids, &root_id, ended, emit);
    let (name, at) = (SpanName::of_agent(facts), run.opening.at);
    let mut root = Observation::new(name, ids.trace_id(), root_id, parent, at);
    finish_root(&mut root, &run.activity);
    root.complete = ended;
    root.input = Some(plain_or_parts(&run.opening.prompt.content));
    root.with_media = prompt_with_media(&run.opening.prompt.content);
    root.note(MetadataKey::AgentId, Some(&facts.agent_id));
    root.note(MetadataKey::AgentType, facts.agent_type.as_ref());
    root.note(MetadataKey::AgentDescription, facts.description.as_ref());
    root.note(MetadataKey::WorkflowPhase, facts.workflow_phase.as_ref());
    let outcome = facts.outcome.as_deref().and_then(Status::of_outcome);
    let ending = ending(&run.activity).or_else(|| outcome.as_ref().map(Status::placeholder));
    match outcome {
        // An error in the agent's own rows gives the reason.
        Some(Status::Failed) if root.level != Level::Error => {
            root.level = Level::Error;
            root.status = Some(Status::Failed);
        }
        Some(status @ (Status::Killed | Status::Stopped)) => root.warn(status),
        _ => {}
    }
    if !run.activity.is_settled && root.level == Level::Default {
        root.warn(Status::NoResult);
    }
    if ended {
        let unsettled = (!run.activity.is_settled).then_some(Placeholder::NoResult);
        root.end_root(ending.or(unsettled), (Placeholder::NoResult, Status::NoResult));
    }
    root.note(MetadataKey::AgentOutcome, facts.outcome.as_ref());
    root.note(MetadataKey::AgentDepth, facts.depth);
    emit(root);
    launches(&run.activity, ids, ended)
}
