//! `replay` before, between and after hooks, and twice: it adds no existing span and sends the same bytes.

use claude_langfuse::delivery::Extent;
use proptest::prelude::*;

use super::cases;
use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{SESSIONS, any_session};
use super::splits::{Step, live};

#[test]
fn two_replays_into_fresh_state_send_the_same_bytes() {
    for session in SESSIONS.iter() {
        assert_eq!(session.replayed().bodies, session.bodies, "{}", session.name);
    }
}

#[test]
fn a_copy_in_place_of_a_file_changes_nothing() {
    for session in SESSIONS.iter() {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        machine.write_all(session);
        machine.replay(session, &mut receiver).unwrap();
        let requests = receiver.requests();
        for file in std::iter::once(&session.main).chain(&session.agents) {
            machine.write(file, file.bytes.len(), true);
        }
        for run in [Run::Stop, Run::End, Run::LateFlush, Run::Replay] {
            let now = session.main.time_at(usize::MAX).unwrap();
            machine.run(session, run, now, None, &mut receiver).unwrap();
        }
        assert_eq!(receiver.requests(), requests, "{}", session.name);
        same_rows(&receiver.rows(), &session.expected).unwrap();
    }
}

proptest! {
    #![proptest_config(cases(30))]

    /// A replay that began before the first hook is a first contact like any other.
    #[test]
    fn hooks_after_a_replay_end_in_the_same_rows(
        session in any_session(),
        first in Step::several(Just(Run::Replay)),
        steps in Step::several(prop_oneof![Just(Run::Flush), Just(Run::Replay)]),
    ) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        let steps: Vec<Step> = first.into_iter().take(1).chain(steps).collect();
        live(&machine, session, &steps, &mut receiver)?;
        receiver.each_generation_once()?;
        same_rows(&receiver.rows(), &session.expected)?;
        prop_assert_eq!(receiver.scores(), session.scores.clone());
    }

    /// After the hooks it has nothing to send, and `--again` sends the same rows again.
    #[test]
    fn a_replay_after_hooks_adds_nothing(session in any_session(), steps in Step::several(Run::any())) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, session, &steps, &mut receiver)?;
        let requests = receiver.requests();
        machine.replay(session, &mut receiver).unwrap();
        prop_assert_eq!(receiver.requests(), requests);
        machine.deliver(session, Extent::Resend, &mut receiver).unwrap();
        prop_assert!(receiver.requests() > requests || session.expected.is_empty());
        same_rows(&receiver.rows(), &session.expected)?;
        prop_assert_eq!(receiver.scores(), session.scores.clone());
        let requests = receiver.requests();
        machine.replay(session, &mut receiver).unwrap();
        prop_assert_eq!(receiver.requests(), requests, "after --again something is left");
    }

    /// Only an explicit replay sends turns before the first contact.
    #[test]
    fn a_replay_after_a_late_first_contact_completes_the_session(session in any_session()) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        machine.write_all(session);
        let now = session.main.time_at(usize::MAX).unwrap();
        machine.run(session, Run::End, now, None, &mut receiver).unwrap();
        prop_assert!(receiver.rows().len() <= session.expected.len());
        machine.replay(session, &mut receiver).unwrap();
        receiver.each_generation_once()?;
        receiver.violations()?;
        same_rows(&receiver.rows(), &session.expected)?;
        prop_assert_eq!(receiver.scores(), session.scores.clone());
    }
}
