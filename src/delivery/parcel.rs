//! Observations → encoded spans with the mark by which it is told later whether they were acknowledged.

use std::collections::BTreeMap;

use super::outbox::{Item, Owner};
use crate::langfuse::encode;
use crate::privacy::{Clean, Policy};
use crate::trace::{Context, Observation, Role, SpanId, digest};

/// Masks and encodes an observation, unless it may still change or was acknowledged as it is.
pub(super) fn pack(
    mut observation: Observation,
    owner: &Owner,
    context: &Context,
    policy: &Policy,
    clean: &mut Clean,
    acknowledged: &BTreeMap<SpanId, String>,
) -> Option<Item> {
    if !observation.complete {
        return None;
    }
    let before = acknowledged.get(&observation.span_id);
    // The usage of a model call would count twice until Langfuse merges the rows.
    let is_call = matches!(observation.role, Role::Generation { .. });
    if is_call && before.is_some_and(|mark| is_sent(&observation, mark)) {
        return None;
    }
    policy.apply_to_next(&mut observation, clean);
    let encoded = encode(&observation, context);
    let mark = match observation.role {
        Role::Generation { rows } => format!("rows:{rows}"),
        Role::Root | Role::Part => digest(encoded.as_bytes()).to_string(),
    };
    let is_turn = observation.role == Role::Root && matches!(owner, Owner::Turn(_));
    (before != Some(&mark)).then(|| Item {
        owner: owner.clone(),
        trace_id: observation.trace_id,
        span_id: observation.span_id,
        mark,
        encoded,
        is_turn,
    })
}

/// Whether a complete observation was sent under this mark with all it has: a model call may have got more rows.
pub(super) fn is_sent(observation: &Observation, mark: &str) -> bool {
    let Role::Generation { rows } = observation.role else {
        return true;
    };
    rows_of(mark).is_some_and(|sent| sent >= rows)
}

fn rows_of(mark: &str) -> Option<u32> {
    mark.strip_prefix("rows:")?.parse().ok()
}
