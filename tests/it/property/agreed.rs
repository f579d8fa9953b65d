//! A turn keeps its first policy and trace in any order of configurations.

use std::collections::{BTreeMap, BTreeSet};

use claude_langfuse::trace::TraceId;
use proptest::prelude::*;
use serde_json::Value;

use super::cases;
use super::machine::{CAPTURES, METADATA, Machine, Run, SEEDS};
use super::receiver::{Receiver, spans};
use super::recorded::{Session, any_session};
use super::splits::{Step, cuts, live};

/// Runs that see every existing turn, with any failure.
fn hooks() -> impl Strategy<Value = Vec<Step>> {
    Step::several(prop::sample::select(vec![Run::Stop, Run::Flush, Run::End]))
}

fn configure(steps: &mut [Step], configured: &[usize]) {
    for (step, configured) in steps.iter_mut().zip(configured) {
        step.configured = *configured;
        // Otherwise the turn may begin after its hook.
        step.late = false;
    }
}

/// The configuration in which each turn was first seen, by its trace.
fn first_seen(session: &Session, steps: &[Step]) -> BTreeMap<String, usize> {
    let cuts = cuts(session, steps).swap_remove(0);
    let rows = session.main.bytes.split_inclusive(|byte| *byte == b'\n');
    let rows = rows.zip(&session.main.row_ends);
    let met = rows.filter_map(|(row, end)| {
        let row: Value = serde_json::from_slice(row).ok()?;
        let first = cuts.iter().position(|cut| cut >= end);
        let step = first.map_or(steps.last(), |first| steps.get(first))?;
        let trace = TraceId::of_seed(row["uuid"].as_str()?);
        Some((trace.as_str().to_owned(), step.configured))
    });
    met.collect()
}

/// A word of the fixed vocabulary, or a size.
fn is_placeholder(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']') && !text.contains('"')
}

/// The content of a span, unless it is omitted.
fn content(span: &Value) -> Vec<&str> {
    let keys = ["langfuse.observation.input", "langfuse.observation.output"];
    let attributes = span["attributes"].as_array().unwrap().iter();
    let texts = attributes.filter(|attribute| keys.contains(&attribute["key"].as_str().unwrap()));
    texts
        .filter_map(|attribute| attribute["value"]["stringValue"].as_str())
        .filter(|text| !is_placeholder(text))
        .collect()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn no_order_of_configurations_and_failures_sends_more_than_was_agreed(
        session in any_session(),
        mut steps in hooks(),
        configured in prop::collection::vec(CAPTURES, 8),
    ) {
        configure(&mut steps, &configured);
        let met = first_seen(session, &steps);
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, session, &steps, &mut receiver)?;
        receiver.violations()?;
        for span in receiver.bodies.iter().flat_map(|body| spans(body)) {
            let agreed = met.get(span["traceId"].as_str().unwrap());
            if agreed.is_some_and(|agreed| METADATA.contains(agreed)) {
                prop_assert_eq!(content(&span), Vec::<&str>::new());
            }
        }
        let ids = |rows: &[langfuse_mock::Row]| -> Vec<String> {
            rows.iter().map(|row| row.span_id.clone()).collect()
        };
        prop_assert_eq!(ids(&receiver.rows()), ids(&session.expected));
    }

    #[test]
    fn a_turn_stays_in_its_trace_in_any_order_of_runs_and_failures(
        session in any_session(),
        mut steps in hooks(),
        configured in prop::collection::vec(SEEDS, 8),
    ) {
        configure(&mut steps, &configured);
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, session, &steps, &mut receiver)?;
        receiver.violations()?;
        let rows = receiver.rows();
        let mut spans: BTreeSet<&str> = BTreeSet::new();
        let twice = rows.iter().find(|row| !spans.insert(&row.span_id));
        prop_assert!(twice.is_none(), "{twice:?}");
        prop_assert_eq!(rows.len(), session.expected.len());
        // `replay --all`, without these variables, sends to the same traces.
        machine.configured.set(0);
        machine.deliver(session, claude_langfuse::delivery::Extent::Resend, &mut receiver).unwrap();
        prop_assert_eq!(receiver.rows().len(), rows.len());
    }
}
