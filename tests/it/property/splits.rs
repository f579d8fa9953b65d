//! Any split of a session's files into runs, with any failures between them.

use std::collections::VecDeque;
use std::fmt;

use base::Timestamp;
use langfuse_mock::Row;
use proptest::prelude::*;

use super::cases;
use super::machine::{Machine, Run};
use super::receiver::{Receiver, Response, same_rows};
use super::recorded::{Growing, Session, any_session};

/// One run: the lengths of the files, its trigger, and the results of its requests.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) share: u16,
    pub(super) torn: u8,
    /// The same for the agents' files, which may lag or be ahead.
    pub(super) agents: [(u16, u8); 3],
    pub(super) run: Run,
    pub(super) responses: Vec<Response>,
    pub(super) wire_limit: Option<usize>,
    /// Copies replace the files.
    pub(super) copy: bool,
    /// Index of the configuration.
    pub(super) configured: usize,
    /// A Stop hook begins before its last row is there.
    pub(super) late: bool,
}

/// On one line: proptest's own form of a failure has many pages.
impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { share, torn, agents, run, responses, wire_limit, copy, configured, late } = self;
        write!(
            formatter,
            "{run:?} at ({share}, {torn}) agents {agents:?} responses {responses:?} limit {wire_limit:?} copy {copy} configuration {configured} late {late}"
        )
    }
}

impl Step {
    fn any(run: impl Strategy<Value = Run>) -> impl Strategy<Value = Self> {
        // An agent's file is often missing or incomplete.
        let agent = prop_oneof![Just((0, 0)), Just((u16::MAX, 0)), any::<(u16, u8)>()];
        (
            any::<(u16, u8)>(),
            prop::array::uniform3(agent),
            run,
            prop::collection::vec(Response::any(), 0..4),
            prop::option::weighted(0.3, 500_usize..20_000),
            prop::bool::weighted(0.1),
            any::<bool>(),
        )
            .prop_map(|((share, torn), agents, run, responses, wire_limit, copy, late)| {
                Self { share, torn, agents, run, responses, wire_limit, copy, configured: 0, late }
            })
    }

    pub(super) fn several(run: impl Strategy<Value = Run>) -> impl Strategy<Value = Vec<Self>> {
        prop::collection::vec(Self::any(run), 1..8)
    }
}

/// The length of each file at each step, in growing order, the session's own file first.
pub(super) fn cuts(session: &Session, steps: &[Step]) -> Vec<Vec<usize>> {
    let whole = 0..session.main.bytes.len();
    let main = steps.iter().enumerate().map(|(index, step)| {
        let first = index == 0;
        let range = if first { &session.first_turn } else { &whole };
        session.main.cut(step.share, step.torn, range)
    });
    let agent = |number: usize, file: &Growing| {
        let cut = |step: &Step| {
            let (share, torn) = step.agents[number % step.agents.len()];
            file.cut(share, torn, &(0..file.bytes.len()))
        };
        steps.iter().map(cut).collect::<Vec<_>>()
    };
    let mut all = vec![main.collect::<Vec<_>>()];
    all.extend(session.agents.iter().enumerate().map(|(number, file)| agent(number, file)));
    for file in &mut all {
        let mut written = 0;
        for cut in file {
            written = written.max(*cut);
            *cut = written;
        }
    }
    for agent in 0..session.agents.len() {
        let Some(first) = session.continued_from(agent) else { continue };
        let before = all[first + 1].clone();
        for (cut, before) in all[agent + 1].iter_mut().zip(before) {
            if before < session.agents[first].bytes.len() {
                *cut = 0;
            }
        }
    }
    all
}

/// Runs the program at each step, and again without failures when everything is written.
pub(super) fn live(
    machine: &Machine,
    session: &Session,
    steps: &[Step],
    receiver: &mut Receiver,
) -> Result<(), TestCaseError> {
    let cuts = cuts(session, steps);
    let files: Vec<&Growing> = std::iter::once(&session.main).chain(&session.agents).collect();
    for (index, step) in steps.iter().enumerate() {
        for (file, cut) in files.iter().zip(&cuts) {
            machine.write(file, cut[index], step.copy);
        }
        machine.write_beside(session);
        let now = session.main.time_at(cuts[0][index]);
        let now = now.unwrap_or(Timestamp::from_millis(0));
        machine.configured.set(step.configured);
        receiver.responses = VecDeque::from(step.responses.clone());
        let before = index.checked_sub(1).map_or(0, |before| cuts[0][before]);
        receiver.late = (step.run == Run::Stop && step.late)
            .then(|| session.main.last_message(before..cuts[0][index]))
            .flatten()
            .map(|rows| (machine.path(&session.main.path), rows));
        let report = machine.run(session, step.run, now, step.wire_limit, receiver);
        let report = report.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        let refused = report.map(|report| report.refused).unwrap_or_default();
        prop_assert!(refused.is_empty(), "given up: {refused:?}");
        holds_no_text(machine, session)?;
    }
    receiver.responses.clear();
    machine.write_all(session);
    end(machine, session, receiver)?;
    holds_no_text(machine, session)?;
    let (requests, state) = (receiver.requests(), machine.state());
    end(machine, session, receiver)?;
    prop_assert_eq!(receiver.requests(), requests, "a second SessionEnd sent something");
    prop_assert_eq!(machine.state(), state, "a second SessionEnd wrote something");
    Ok(())
}

fn end(machine: &Machine, session: &Session, receiver: &mut Receiver) -> Result<(), TestCaseError> {
    let now = session.main.time_at(usize::MAX).unwrap();
    let report = machine.run(session, Run::End, now, None, receiver).unwrap().unwrap();
    prop_assert_eq!(report.stopped, None);
    prop_assert_eq!(report.unsaved, None);
    Ok(())
}

fn holds_no_text(machine: &Machine, session: &Session) -> Result<(), TestCaseError> {
    for (path, state) in machine.state() {
        let found = session.texts.iter().find(|text| state.contains(*text));
        prop_assert!(found.is_none(), "{} holds {found:?}", path.display());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(90))]

    /// Runs with correct events: no model call is sent twice.
    #[test]
    fn any_split_and_any_failures_end_in_the_rows_of_one_replay(
        session in any_session(),
        steps in Step::several(prop_oneof![Just(Run::Flush), Just(Run::Replay)]),
    ) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, session, &steps, &mut receiver)?;
        receiver.each_generation_once()?;
        receiver.violations()?;
        same_rows(&receiver.rows(), &session.expected)?;
        prop_assert_eq!(receiver.scores(), session.scores.clone());
    }

    /// Hooks at any time, even when Claude Code would run none: turns that they wrongly took for complete are sent again,
    /// but never with the same bytes.
    #[test]
    fn hooks_at_any_time_end_in_the_rows_of_one_replay(
        session in any_session(),
        steps in Step::several(Run::any()),
    ) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, session, &steps, &mut receiver)?;
        receiver.violations()?;
        same_rows(&receiver.rows(), &session.expected)?;
        prop_assert_eq!(receiver.scores(), session.scores.clone());
    }

    /// A new configuration applies to new turns: an open turn keeps the values on its spans, and no model
    /// call is sent again because its text would now be truncated elsewhere.
    #[test]
    fn another_configuration_in_mid_session_splits_no_trace(
        session in any_session(),
        mut steps in Step::several(Just(Run::Flush)),
        from in 1_usize..8,
    ) {
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        steps.iter_mut().skip(from).for_each(|step| step.configured = 1);
        live(&machine, session, &steps, &mut receiver)?;
        receiver.each_generation_once()?;
        receiver.violations()?;
        let spans = |rows: &[Row]| rows.iter().map(|row| row.span_id.clone()).collect::<Vec<_>>();
        prop_assert_eq!(spans(&receiver.rows()), spans(&session.expected));
    }
}
