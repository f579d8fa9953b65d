//! Decides whether an observation must be sent, and encodes its span. Pure: the same observation, mark, context and
//! policy always give the same span.

use base::Timestamp;

use super::queue::{Owner, QueuedSpan};
use crate::langfuse::encode;
use crate::privacy::{Clean, Policy};
use crate::state::Mark;
use crate::trace::{Context, Kind, Observation, PromptLink, Role};

/// An observation that must be sent, with the mark to keep once it is acknowledged.
pub(super) struct Changed {
    pub observation: Observation,
    mark: Mark,
}

/// The inputs of a span beside its observation.
pub(super) struct Inputs<'a> {
    pub owner: &'a Owner,
    pub context: &'a Context,
    pub policy: &'a Policy,
    /// The pushed prompt behind the observation's model calls, if there is one.
    pub prompt: Option<&'a PromptLink>,
    /// The number of runs in which the server refused the span.
    pub refusals: u8,
}

/// Returns an observation that is complete and differs from its acknowledged state. `before` is the mark of that
/// state. `known_until` is the time of the last row that was read when marks of schema 2 were made.
pub(super) fn changed(
    mut observation: Observation,
    before: Option<&mut Mark>,
    known_until: Option<Timestamp>,
) -> Option<Changed> {
    if !observation.complete {
        return None;
    }
    // With another start Langfuse would keep a second row forever.
    if let Some(start) = before.as_ref().and_then(|before| before.start()) {
        observation.start = start;
        observation.end = observation.end.max(start);
    }
    let mark = Mark::of(&observation);
    if observation.role == Role::Root
        && before.as_ref().is_some_and(|before| before.ends_after(observation.end))
    {
        // Rows of the acknowledged root are gone: a half-written file must not remove an answer.
        return None;
    }
    match before {
        Some(before) if before.covers(&mark, known_until) => {
            if !matches!(mark, Mark::Call { .. }) {
                // The next run compares content again, also for a mark of an older version.
                *before = mark;
            }
            None
        }
        _ => Some(Changed { observation, mark }),
    }
}

/// Masks and encodes a span. `clean` holds texts of the turn that need no masking.
pub(super) fn encode_span(changed: Changed, inputs: &Inputs<'_>, clean: &mut Clean) -> QueuedSpan {
    let Changed { mut observation, mark } = changed;
    inputs.policy.apply_to_next(&mut observation, clean);
    if observation.kind == Kind::Generation {
        observation.prompt = inputs.prompt.cloned();
    }
    let is_turn = observation.role == Role::Root && matches!(inputs.owner, Owner::Turn(_));
    QueuedSpan {
        owner: inputs.owner.clone(),
        encoded: encode(&observation, inputs.context),
        trace_id: observation.trace_id,
        span_id: observation.span_id,
        mark,
        is_turn,
        refusals: inputs.refusals,
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::changed;
    use crate::state::Mark;
    use crate::trace::{Observation, Role, SpanId, SpanName, TraceId};

    fn observation(role: Role, start: u64, end: u64) -> Observation {
        let at = Timestamp::from_millis;
        let (trace, span) = (TraceId::of_seed("turn"), SpanId::given("turn"));
        let mut observation = Observation::new(SpanName::TURN, &trace, span, None, at(start));
        (observation.role, observation.end) = (role, at(end));
        observation
    }

    #[test]
    fn an_observation_that_can_still_change_is_not_sent() {
        let mut open = observation(Role::Root, 1, 2);
        open.complete = false;
        assert!(changed(open, None, None).is_none());
    }

    #[test]
    fn a_changed_span_keeps_the_start_that_was_acknowledged() {
        let first = observation(Role::Root, 1, 2);
        let mut mark = Mark::of(&first);
        assert!(changed(first, Some(&mut mark), None).is_none());
        let later = changed(observation(Role::Root, 5, 9), Some(&mut mark), None).unwrap();
        assert_eq!(later.observation.start, Timestamp::from_millis(1));
        assert_eq!(later.observation.end, Timestamp::from_millis(9));
    }

    #[test]
    fn a_root_that_has_lost_its_end_does_not_replace_the_one_that_has_it() {
        let whole = observation(Role::Root, 1, 9);
        let mut mark = Mark::of(&whole);
        assert!(changed(observation(Role::Root, 1, 5), Some(&mut mark), None).is_none());
        assert!(changed(whole, Some(&mut mark), None).is_none());
    }

    #[test]
    fn a_model_call_is_sent_again_for_further_rows_only() {
        let call = |rows| observation(Role::Generation { rows, place: 1 }, 1, 2);
        let mut mark = Mark::of(&call(3));
        assert!(changed(call(3), Some(&mut mark), None).is_none());
        assert!(changed(call(4), Some(&mut mark), None).is_some());
    }
}
