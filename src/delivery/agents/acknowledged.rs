//! The part of an agent's spans that is acknowledged and can't change any more.

use transcript::session::AgentRun;

use crate::state::Done;
use crate::trace::{Kind, Observation, Role};

/// The agent can't change any more: it has its answer, every tool has its result, every call its end.
pub(super) fn is_for_good(run: &AgentRun) -> bool {
    run.activity.is_settled
        && run.activity.tools.iter().all(|tool| tool.result.is_some())
        && run.activity.generations.iter().all(|call| call.stop_reason.is_some())
}

fn slot<'a>(observation: &Observation, counts: &'a mut Done) -> Option<&'a mut usize> {
    match (observation.role, observation.kind) {
        (Role::Root, _) => None,
        (_, Kind::Generation) => Some(&mut counts.generations),
        (_, Kind::Event) => Some(&mut counts.events),
        _ => Some(&mut counts.tools),
    }
}

pub(super) fn count(observation: &Observation, counts: &mut Done) {
    if let Some(count) = slot(observation, counts) {
        *count += 1;
    }
}

/// Whether the observation is among the first `left` ones of its kind.
pub(super) fn is_among(observation: &Observation, left: &mut Done) -> bool {
    match slot(observation, left) {
        Some(0) | None => false,
        Some(count) => {
            *count -= 1;
            true
        }
    }
}
