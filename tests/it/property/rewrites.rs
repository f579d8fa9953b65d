//! A session's file is rewritten, read in this state by one run, and restored: Langfuse ends with the rows of one replay.

use proptest::prelude::*;

use super::cases;
use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{Growing, SESSIONS, Session, any_session};

/// A change of a file.
#[derive(Clone, Copy, Debug)]
enum Rewrite {
    OneRowDropped(u16),
    AFieldAddedEverywhere,
    LastNewlineMissing,
    HalfOfIt,
    Emptied,
    OneRowOnly(u16),
}

impl Rewrite {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<u16>().prop_map(Self::OneRowDropped),
            Just(Self::AFieldAddedEverywhere),
            Just(Self::LastNewlineMissing),
            Just(Self::HalfOfIt),
            Just(Self::Emptied),
            any::<u16>().prop_map(Self::OneRowOnly),
        ]
    }

    fn of(self, text: &str) -> String {
        let rows: Vec<&str> = text.split_inclusive('\n').collect();
        let chosen = |share: u16| usize::from(share) * rows.len() / (usize::from(u16::MAX) + 1);
        match self {
            Self::OneRowDropped(share) => {
                let others = rows.iter().enumerate().filter(|(row, _)| *row != chosen(share));
                others.map(|(_, row)| *row).collect()
            }
            Self::AFieldAddedEverywhere => text.replace("}\n", ",\"added\":{\"by\":\"sync\"}}\n"),
            Self::LastNewlineMissing => text.trim_end_matches('\n').to_owned(),
            Self::HalfOfIt => rows.iter().take(rows.len() / 2).copied().collect(),
            Self::Emptied => String::new(),
            Self::OneRowOnly(share) => (*rows.get(chosen(share)).unwrap_or(&"")).to_owned(),
        }
    }
}

/// The lengths of the files, the trigger of the run, and the rewrites of the session's file that further runs see, one
/// on top of the other.
#[derive(Clone, Debug)]
struct Step {
    share: u16,
    torn: u8,
    /// The same for the agents' files.
    agents: [u16; 3],
    run: Run,
    rewritten: Vec<(Rewrite, Run)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rewritten = prop::collection::vec((Rewrite::any(), Run::any()), 0..3);
    let agent = prop_oneof![Just(0), Just(u16::MAX), any::<u16>()];
    let step = (any::<u16>(), any::<u8>(), prop::array::uniform3(agent), Run::any(), rewritten);
    let step = step.prop_map(|(share, torn, agents, run, rewritten)| Step {
        share,
        torn,
        agents,
        run,
        rewritten,
    });
    prop::collection::vec(step, 1..6)
}

fn session(name: &str) -> &'static Session {
    SESSIONS.iter().find(|session| session.name.starts_with(name)).unwrap()
}

/// Writes the session's file in another form.
fn rewrite(machine: &Machine, session: &Session, text: &str) {
    let path = session.main.path.clone();
    machine.write_as_it_is(&Growing::new(path, text.as_bytes().to_vec()));
}

#[test]
fn a_half_written_file_changes_no_score() {
    let (session, machine, mut receiver) =
        (session("v2.0.76/blocks/"), Machine::new(), Receiver::default());
    let now = session.main.time_at(usize::MAX).unwrap();
    machine.write_all(session);
    machine.run(session, Run::End, now, None, &mut receiver).unwrap();
    let scores = receiver.scores();
    assert!(!scores.is_empty());
    let half = Rewrite::HalfOfIt.of(std::str::from_utf8(&session.main.bytes).unwrap());
    rewrite(&machine, session, &half);
    machine.run(session, Run::LateFlush, now, None, &mut receiver).unwrap();
    assert_eq!(receiver.scores(), scores);
    machine.write_all(session);
    machine.run(session, Run::End, now, None, &mut receiver).unwrap();
    receiver.violations().unwrap();
    same_rows(&receiver.rows(), &session.expected).unwrap();
}

/// Up to 2.1.50 only the call has an agent's description, and the cursor keeps the offset of its row.
#[test]
fn an_agent_that_appears_after_a_rewrite_has_the_description_of_its_call() {
    let (session, machine, mut receiver) =
        (session("v2.0.76/subagent/"), Machine::new(), Receiver::default());
    let now = session.main.time_at(usize::MAX).unwrap();
    let text = std::str::from_utf8(&session.main.bytes).unwrap();
    rewrite(&machine, session, &Rewrite::AFieldAddedEverywhere.of(text));
    machine.run(session, Run::LateFlush, now, None, &mut receiver).unwrap();
    machine.write_all(session);
    machine.run(session, Run::End, now, None, &mut receiver).unwrap();
    receiver.violations().unwrap();
    same_rows(&receiver.rows(), &session.expected).unwrap();
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_rewritten_file_that_is_restored_ends_in_the_rows_of_one_replay(
        session in any_session(),
        steps in steps(),
    ) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        let whole = 0..session.main.bytes.len();
        let (mut written, mut agents) = (0, vec![0; session.agents.len()]);
        for (index, step) in steps.iter().enumerate() {
            let range = if index == 0 { &session.first_turn } else { &whole };
            written = session.main.cut(step.share, step.torn, range).max(written);
            machine.write(&session.main, written, false);
            for (number, agent) in session.agents.iter().enumerate() {
                let cut = agent.cut(step.agents[number % 3], 0, &(0..agent.bytes.len()));
                agents[number] = cut.max(agents[number]);
                if session.continued_from(number).is_none() {
                    machine.write(agent, agents[number], false);
                }
            }
            machine.write_beside(session);
            let now = session.main.time_at(written).unwrap_or(base::Timestamp::from_millis(0));
            machine.run(session, step.run, now, None, &mut receiver).unwrap();
            let mut text = String::from_utf8_lossy(&session.main.bytes[..written]).into_owned();
            for (how, run) in &step.rewritten {
                text = how.of(&text);
                rewrite(&machine, session, &text);
                machine.run(session, *run, now, None, &mut receiver).unwrap();
            }
        }
        machine.write_all(session);
        let now = session.main.time_at(usize::MAX).unwrap();
        let report = machine.run(session, Run::End, now, None, &mut receiver).unwrap().unwrap();
        prop_assert_eq!(report.stopped, None);
        receiver.violations()?;
        same_rows(&receiver.rows(), &session.expected)?;
    }
}
