//! A fork begins with copies of its parent's turns: whoever is met first, each turn arrives once, as its parent's.

use std::collections::BTreeSet;

use langfuse_mock::Row;
use proptest::prelude::*;

use super::cases;
use super::desk::{Desk, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{Session, of_scenario};
use super::splits::{Step, live};

const SCENARIOS: [&str; 2] = ["v2.1.330/fork", "v2.1.197/fork"];
/// What the mock of the Messages API played in each of them.
const GENERATIONS: usize = 3;

fn family(scenario: &str, fork_first: bool) -> Vec<&'static Session> {
    let mut family = of_scenario(scenario);
    assert_eq!(family.len(), 2, "{scenario}");
    // Its own turns begin behind the copied ones.
    let is_fork = |session: &Session| session.own_from > 0;
    family.sort_by_key(|session| is_fork(session) != fork_first);
    assert!(is_fork(family[0]) == fork_first && is_fork(family[1]) != fork_first);
    family
}

/// What the sessions leave one after the other, each as if it were alone.
fn together(family: &[&Session]) -> Vec<Row> {
    let rows = family.iter().flat_map(|session| session.expected.clone());
    rows.collect()
}

fn none_twice(receiver: &Receiver, family: &[&Session]) -> Result<(), TestCaseError> {
    receiver.complaints()?;
    same_rows(&receiver.rows(), &together(family))?;
    let rows = receiver.rows();
    let spans: BTreeSet<&str> = rows.iter().map(|row| row.span_id.as_str()).collect();
    prop_assert_eq!(spans.len(), rows.len(), "a span in two traces");
    let generations = rows.iter().filter(|row| row.kind == "GENERATION");
    prop_assert_eq!(generations.count(), GENERATIONS);
    Ok(())
}

#[test]
fn fork_and_parent_replayed_in_either_order_arrive_once() {
    for scenario in SCENARIOS {
        for fork_first in [false, true] {
            let (family, desk) = (family(scenario, fork_first), Desk::new());
            let mut receiver = Receiver::default();
            for session in &family {
                desk.write_all(session);
                desk.replay(session, &mut receiver).unwrap();
            }
            receiver.each_generation_once().unwrap();
            none_twice(&receiver, &family).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn fork_and_parent_met_by_hooks_in_either_order_arrive_once(
        scenario in prop::sample::select(SCENARIOS.to_vec()),
        fork_first in any::<bool>(),
        steps in (Step::several(Run::any()), Step::several(Run::any())),
    ) {
        let (family, desk, mut receiver) = (family(scenario, fork_first), Desk::new(), Receiver::default());
        live(&desk, family[0], &steps.0, &mut receiver)?;
        live(&desk, family[1], &steps.1, &mut receiver)?;
        none_twice(&receiver, &family)?;
    }
}
