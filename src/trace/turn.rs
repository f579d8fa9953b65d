//! A turn as a tree of observations: a root, and below it model calls, tools, compactions and events.

use transcript::session::{Rewind, Turn};

use super::activity::{ending, finish_root, launches, note_end_of_task, observe_activity};
use super::compaction;
use super::content::{plain_or_parts, prompt_with_media};
use super::{
    AgentFacts, Context, Launch, MetadataKey, Observation, Placeholder, SpanId, SpanIds, SpanName,
    Status, observe_agent, priceable,
};

/// Facts about a turn from the rows before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeforeTurn<'a> {
    /// The conversation went back before it.
    pub rewind: Option<&'a Rewind>,
    /// The hash of the instructions in effect.
    pub instructions: Option<&'a str>,
}

/// Emits the observations of a turn, the root last, and returns its launches.
///
/// `ended`: the turn has its answer, or none will come. Otherwise only observations that can no longer change are complete.
pub fn observe_turn(
    turn: &Turn,
    before: &BeforeTurn<'_>,
    context: &Context,
    ended: bool,
    emit: &mut dyn FnMut(Observation),
) -> Vec<Launch> {
    let parent = context.root_parent();
    let ids = SpanIds::of(&context.trace_id, &turn.opening.uuid);
    if let Some(compaction) = turn.as_manual_compaction() {
        emit(compaction::observe(compaction, &ids, parent.as_ref(), ended));
        return Vec::new();
    }
    let root_id = ids.turn(&turn.opening.uuid);
    observe_activity(&turn.activity, &ids, &root_id, ended, emit);
    observe_legacy_sidechains(turn, &ids, &root_id, ended, emit);
    let at = turn.opening.at;
    let mut root = Observation::new(SpanName::TURN, ids.trace_id(), root_id, parent.as_ref(), at);
    finish_root(&mut root, &turn.activity);
    root.complete = ended;
    let has_answer =
        !turn.activity.generations.is_empty() || turn.activity.command_output.is_some();
    root.input = Some(plain_or_parts(&turn.opening.prompt.content));
    root.with_media = prompt_with_media(&turn.opening.prompt.content);
    if ended {
        // Esc before the first block leaves no row. Only the next prompt shows it (docs/claude-code.md, "Rows that
        // open a turn").
        let unanswered = (!has_answer).then_some(Placeholder::NoAnswer);
        let ending = ending(&turn.activity).or(unanswered);
        root.end_root(ending, (Placeholder::NoAnswer, Status::NoAnswer));
    }
    let last_call = turn.activity.generations.last();
    root.answered_by = last_call.map(|call| priceable(&call.model).into_owned());
    let title = turn.session_title.as_ref();
    root.note(MetadataKey::SessionTitle, title.map(|title| &title.text));
    root.note(MetadataKey::OpeningRow, turn.opening.is_missing.then_some("missing"));
    root.note(MetadataKey::RewoundFrom, before.rewind.map(|rewind| &rewind.from));
    root.note(MetadataKey::TurnsAbandoned, before.rewind.map(|rewind| rewind.abandoned));
    root.note(MetadataKey::InstructionsHash, before.instructions);
    if let Some(notification) = &turn.opening.prompt.notification {
        note_end_of_task(&mut root, notification);
    }
    root.note(MetadataKey::ParentTraceId, context.parent.as_ref().map(|parent| &parent.trace_id));
    emit(root);
    launches(&turn.activity, &ids, ended)
}

/// Agents of 1.0.128, matched to calls by their prompt.
fn observe_legacy_sidechains(
    turn: &Turn,
    ids: &SpanIds,
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
            agent_id: call.key.clone(),
            agent_type: input("subagent_type").map(str::to_owned),
            description: input("description").map(str::to_owned),
            depth: Some(1),
            workflow_phase: None,
            outcome: call.agent_outcome().map(str::to_owned),
            is_warmup: false,
        };
        let parent = ids.tool(&call.key);
        let ended = ended || call.has_final_result();
        observe_agent(run, &facts, ids, Some(&parent), ended, emit);
    }
    for (_, run) in turn.agents.runs().filter(|(place, _)| !taken.contains(place)) {
        let facts = AgentFacts { agent_id: run.opening.uuid.clone(), ..AgentFacts::default() };
        observe_agent(run, &facts, ids, Some(root), ended, emit);
    }
}
