//! Earlier builds moved finished agents to a file beside the cursor. A session whose agents are read from there continues as
//! if they had stayed in the cursor.

use proptest::prelude::*;

use super::cases;
use super::machine::Run;
use super::receiver::Response;
use super::twins::{Event, World, begin, now};

fn event() -> impl Strategy<Value = Event> {
    use Event::{Background, Copied, Declined, Grows, Nested, Nothing};
    use Event::{Removed, Renamed, Rewritten, Shrinks, Stray, Told, Turn};
    let agent = || 0_u8..6;
    let outcome = prop::sample::select(vec!["completed", "failed", "killed"]);
    prop_oneof![
        9 => prop::collection::vec(agent(), 0..3).prop_map(Turn),
        2 => agent().prop_map(Background),
        2 => (agent(), outcome).prop_map(|(agent, outcome)| Told(agent, outcome)),
        1 => (agent(), agent()).prop_map(|(agent, other)| Nested(agent, other)),
        2 => agent().prop_map(Grows),
        1 => agent().prop_map(Shrinks),
        1 => agent().prop_map(Copied),
        1 => agent().prop_map(Removed),
        1 => (agent(), agent()).prop_map(|(agent, other)| Renamed(agent, other)),
        1 => agent().prop_map(Stray),
        1 => Just(Rewritten),
        1 => Just(Declined),
        2 => Just(Nothing),
    ]
}

/// An event, the run after it, the result of its requests, and the configuration.
type Step = (Event, Run, Vec<Response>, usize);

fn step() -> impl Strategy<Value = Step> {
    // A request is accepted completely or not at all, because the order of agents in it may differ.
    let failures = vec![Response::Missing, Response::Lost, Response::Slow];
    let failures = prop::collection::vec(prop::sample::select(failures), 1..3);
    let responses = prop_oneof![5 => Just(Vec::new()), 1 => failures];
    (event(), Run::any(), responses, 0_usize..2)
}

/// Runs the same events in both worlds.
fn live(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut worlds = [World::new(false), World::new(true)];
    let (session, mut author) = begin(&worlds);
    for (number, (event, run, responses, configured)) in steps.iter().enumerate() {
        author.write(event, &worlds);
        let now = now(&author);
        let [seen, expected] = worlds.each_mut().map(|world| {
            world.machine.configured.set(*configured);
            world.run(&session, *run, responses, now)
        });
        prop_assert_eq!(seen, expected, "after step {} {:?}", number, event);
        let [found, expected] = worlds.each_mut().map(World::sent);
        prop_assert_eq!(found, expected, "after step {} {:?}", number, event);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn archived_agents_are_delivered_as_if_they_had_stayed_in_the_cursor(
        steps in prop::collection::vec(step(), 1..20),
    ) {
        live(&steps)?;
    }
}
