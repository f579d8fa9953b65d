//! A turn as a tree of observations: the root, and below it the model calls, the tools and what happened in between.

use transcript::session::{Rewind, Turn};

use super::activity::{Launch, finish_root, launches, note_end_of_task, observe_activity};
use super::agent::{AgentFacts, observe_agent};
use super::compaction;
use super::content::plain_or_parts;
use super::context::Context;
use super::ids::{SpanId, TraceId};
use super::metadata::MetadataKey;
use super::observation::{Level, Observation};
use super::span_name::SpanName;
use super::status::Status;

/// Gives the observations of a turn one after the other, the root last, and returns what the turn launched.
///
/// `ended`: the turn has its answer, or none will come; without it only what can't change any more is complete.
pub fn observe_turn(
    turn: &Turn,
    rewind: Option<&Rewind>,
    context: &Context,
    ended: bool,
    emit: &mut dyn FnMut(Observation),
) -> Vec<Launch> {
    if let Some(compaction) = turn.as_manual_compaction() {
        let parent = context.root_parent();
        let trace_id = &context.trace_id;
        emit(compaction::observe(compaction, trace_id, parent.as_ref(), ended));
        return Vec::new();
    }
    let root_id = SpanId::turn(&turn.opening.uuid);
    observe_activity(&turn.activity, &context.trace_id, &root_id, ended, emit);
    observe_inline(turn, &context.trace_id, &root_id, ended, emit);
    let mut root =
        Observation::new(context.trace_id.clone(), root_id, context.root_parent(), turn.opening.at);
    root.name = SpanName::TURN;
    finish_root(&mut root, &turn.activity);
    root.complete = ended;
    let has_answer =
        !turn.activity.generations.is_empty() || turn.activity.command_output.is_some();
    if ended && !has_answer && root.level == Level::Default {
        // Esc before the first block leaves no row at all (facts of 2.1.330): the next prompt is all that tells.
        root.warn(Status::NoAnswer);
    }
    root.note(MetadataKey::RewoundFrom, rewind.map(|rewind| &rewind.from));
    root.note(MetadataKey::TurnsAbandoned, rewind.map(|rewind| rewind.abandoned));
    root.input = Some(plain_or_parts(&turn.opening.prompt.content));
    if let Some(notification) = &turn.opening.prompt.notification {
        note_end_of_task(&mut root, notification);
    }
    root.note(MetadataKey::ParentTraceId, context.parent.as_ref().map(|parent| &parent.trace_id));
    emit(root);
    launches(&turn.activity)
}

/// The agents of 1.0.128, under the calls that asked them the same.
fn observe_inline(
    turn: &Turn,
    trace_id: &TraceId,
    root: &SpanId,
    ended: bool,
    emit: &mut dyn FnMut(Observation),
) {
    let mut taken = Vec::new();
    for call in turn.activity.tools.iter().filter(|call| call.launches_agent()) {
        let input = |key: &str| call.request.input.get(key).and_then(serde_json::Value::as_str);
        let Some((place, run)) = turn.agents.asked(input("prompt").unwrap_or_default(), &taken)
        else {
            continue;
        };
        taken.push(place);
        let facts = AgentFacts {
            agent_id: call.request.id.clone(),
            agent_type: input("subagent_type").map(str::to_owned),
            description: input("description").map(str::to_owned),
            depth: Some(1),
            workflow_phase: None,
            outcome: call.agent_outcome().map(str::to_owned),
        };
        let parent = SpanId::tool(&call.request.id);
        let ended = ended || call.has_final_result();
        observe_agent(run, &facts, trace_id, Some(&parent), ended, emit);
    }
    for (_, run) in turn.agents.runs().filter(|(place, _)| !taken.contains(place)) {
        let facts = AgentFacts { agent_id: run.opening.uuid.clone(), ..AgentFacts::default() };
        observe_agent(run, &facts, trace_id, Some(root), ended, emit);
    }
}
