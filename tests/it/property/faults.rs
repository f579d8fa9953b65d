//! Permanent failures: a span that the server always rejects, and a state folder that can't be written.

use claude_langfuse::delivery::Extent;
use langfuse_mock::Row;
use proptest::prelude::*;

use super::cases;
use super::machine::Machine;
use super::receiver::{Receiver, same_rows};
use super::recorded::{SESSIONS, any_session};

/// After this many runs a rejected span is skipped permanently.
const RUNS: usize = 6;

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn a_span_that_is_always_rejected_blocks_no_other(
        session in any_session(),
        index in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!session.expected.is_empty());
        let poison = index.get(&session.expected);
        let others = session.expected.iter().filter(|row| row.span_id != poison.span_id);
        let others: Vec<Row> = others.cloned().collect();
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        receiver.poison = Some(poison.span_id.clone());
        machine.write_all(session);
        let mut refused = 0;
        for _ in 0..RUNS {
            let report = machine.replay(session, &mut receiver).unwrap().unwrap();
            prop_assert_eq!(report.stopped, None);
            refused += report.refused.len();
            same_rows(&receiver.rows(), &others)?;
        }
        prop_assert_eq!(refused, 1);
        let requests = receiver.requests();
        machine.replay(session, &mut receiver).unwrap();
        prop_assert_eq!(receiver.requests(), requests, "tried for ever");
        receiver.each_generation_once()?;
    }
}

#[test]
fn without_writable_state_all_is_still_sent() {
    for session in SESSIONS.iter() {
        let (machine, mut receiver) = (Machine::without_state(), Receiver::default());
        machine.write_all(session);
        let report = machine.deliver(session, Extent::Backfill, &mut receiver);
        let report = report.unwrap().unwrap();
        assert!(report.unsaved.is_some(), "{}", session.name);
        same_rows(&receiver.rows(), &session.expected).unwrap();
    }
}
