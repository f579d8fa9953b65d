//! Observations → encoded spans with the mark by which it is told later whether they were acknowledged.

use std::collections::BTreeMap;

use super::outbox::{Item, Owner};
use super::run::Delivery;
use crate::langfuse::encode;
use crate::privacy::{Clean, Policy};
use crate::state::Mark;
use crate::trace::{Context, Observation, Role, SpanId};

/// An observation that has to be sent, with the mark that is kept once it is acknowledged.
pub(super) struct Changed {
    observation: Observation,
    pub mark: Mark,
}

impl Delivery<'_> {
    /// Gives back an observation that has to be sent: nothing of it can change any more, and it was not acknowledged as it is.
    pub(super) fn changed(
        &mut self,
        mut observation: Observation,
        owner: &Owner,
    ) -> Option<Changed> {
        if !observation.complete {
            return None;
        }
        let known_until = self.known_until;
        let marks = self.marks_of(owner);
        let before = marks.and_then(|marks| marks.get_mut(&observation.span_id));
        if let Some(start) = before.as_ref().and_then(|before| before.start()) {
            observation.start = start;
            observation.end = observation.end.max(start);
        }
        let mark = Mark::of(&observation);
        match before {
            Some(before) if before.covers(&mark, known_until) => {
                if !matches!(mark, Mark::Call { .. }) {
                    // The next run compares what it says, whoever made the mark.
                    *before = mark;
                }
                None
            }
            _ => Some(Changed { observation, mark }),
        }
    }

    fn marks_of(&mut self, owner: &Owner) -> Option<&mut BTreeMap<SpanId, Mark>> {
        match owner {
            Owner::Turn(_) => Some(&mut self.cursor.acknowledged),
            Owner::Subagent(agent_id) => {
                let subagent = self.cursor.subagents.get_mut(agent_id)?;
                Some(&mut subagent.acknowledged)
            }
        }
    }
}

/// Masks and encodes what is sent.
pub(super) fn pack(
    changed: Changed,
    owner: &Owner,
    context: &Context,
    policy: &Policy,
    clean: &mut Clean,
) -> Item {
    let Changed { mut observation, mark } = changed;
    policy.apply_to_next(&mut observation, clean);
    let is_turn = observation.role == Role::Root && matches!(owner, Owner::Turn(_));
    Item {
        owner: owner.clone(),
        encoded: encode(&observation, context),
        trace_id: observation.trace_id,
        span_id: observation.span_id,
        mark,
        is_turn,
    }
}
