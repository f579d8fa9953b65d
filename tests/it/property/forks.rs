//! A fork begins with copies of its parent's turns: in any order of files, each turn arrives once, in its parent's session.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use langfuse_mock::Row;
use proptest::prelude::*;

use super::cases;
use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{SESSIONS, Session, of_scenario};
use super::splits::{Step, live};

const SCENARIOS: [&str; 2] = ["v2.1.330/fork", "v2.1.197/fork"];
/// Texts that the mock API sent in each of them.
const GENERATIONS: usize = 3;

fn family(scenario: &str, fork_first: bool) -> Vec<&'static Session> {
    let mut family = of_scenario(scenario);
    assert_eq!(family.len(), 2, "{scenario}");
    // Its own turns begin after the copied ones.
    let is_fork = |session: &Session| session.own_from > 0;
    family.sort_by_key(|session| is_fork(session) != fork_first);
    assert!(is_fork(family[0]) == fork_first && is_fork(family[1]) != fork_first);
    family
}

/// The rows of the sessions, each replayed alone.
fn together(family: &[&Session]) -> Vec<Row> {
    let rows = family.iter().flat_map(|session| session.expected.clone());
    rows.collect()
}

/// The sessions of each scenario with several.
fn families() -> Vec<Vec<&'static Session>> {
    let mut families = BTreeMap::<&str, Vec<&Session>>::new();
    // A recording with inserted titles is another recording of the same turns.
    for session in SESSIONS.iter().filter(|session| !session.name.ends_with("-titled")) {
        let (scenario, _) = session.name.rsplit_once('/').unwrap();
        families.entry(scenario).or_default().push(session);
    }
    families.into_values().filter(|family| family.len() > 1).collect()
}

fn none_twice(receiver: &Receiver, family: &[&Session]) -> Result<(), TestCaseError> {
    receiver.violations()?;
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
            let (family, machine) = (family(scenario, fork_first), Machine::new());
            let mut receiver = Receiver::default();
            for session in &family {
                machine.write_all(session);
                machine.replay(session, &mut receiver).unwrap();
            }
            receiver.each_generation_once().unwrap();
            none_twice(&receiver, &family).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn fork_and_parent_sent_by_hooks_in_either_order_arrive_once(
        scenario in prop::sample::select(SCENARIOS.to_vec()),
        fork_first in any::<bool>(),
        steps in (Step::several(Run::any()), Step::several(Run::any())),
    ) {
        let (family, machine, mut receiver) = (family(scenario, fork_first), Machine::new(), Receiver::default());
        live(&machine, family[0], &steps.0, &mut receiver)?;
        live(&machine, family[1], &steps.1, &mut receiver)?;
        none_twice(&receiver, &family)?;
    }

    /// Any of them in any order and any split, including copied rows.
    #[test]
    fn sessions_of_one_folder_arrive_as_by_a_replay_of_all(
        family in prop::sample::select(families()),
        steps in prop::collection::vec((any::<u8>(), any::<(u16, u8)>(), Run::any()), 0..10),
        last in any::<prop::sample::Index>(),
    ) {
        let (machine, mut replayed) = (Machine::new(), Receiver::default());
        family.iter().for_each(|session| machine.write_all(session));
        for session in &family {
            machine.replay(session, &mut replayed).unwrap();
        }
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        let mut written = vec![0; family.len()];
        for (number, (share, torn), run) in steps {
            let number = usize::from(number) % family.len();
            let session = family[number];
            let whole = 0..session.main.bytes.len();
            let range = if written[number] == 0 { &session.first_turn } else { &whole };
            written[number] = session.main.cut(share, torn, range).max(written[number]);
            if written[number] == 0 {
                continue;
            }
            machine.write(&session.main, written[number], false);
            session.agents.iter().for_each(|agent| machine.write(agent, agent.bytes.len(), false));
            machine.write_beside(session);
            let now = session.main.time_at(written[number]);
            let now = now.unwrap_or(Timestamp::from_millis(0));
            machine.run(session, run, now, None, &mut receiver).unwrap();
        }
        family.iter().for_each(|session| machine.write_all(session));
        let first = last.index(family.len());
        for session in family[first..].iter().chain(&family[..first]) {
            let now = session.main.time_at(usize::MAX).unwrap();
            machine.run(session, Run::End, now, None, &mut receiver).unwrap();
            machine.replay(session, &mut receiver).unwrap();
        }
        receiver.violations()?;
        same_rows(&receiver.rows(), &replayed.rows())?;
    }
}
