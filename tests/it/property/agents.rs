//! Agents write their own files, which lag behind the session's file or run ahead of it. The tests try each point of growth
//! at which a run can take agents for finished or lost.

use base::Timestamp;

use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{Growing, SESSIONS, Session};

/// With several agents, more points than this per file are too many.
const POINTS: usize = 2;
/// Number of moments to try, evenly spread, unless `PROPTEST_CASES` is set: then all.
const MOMENTS: usize = 250;

/// The rows written before the program's first run, and its trigger.
#[derive(Debug)]
struct Moment {
    session: &'static Session,
    main: usize,
    agents: Vec<usize>,
    run: Run,
}

#[test]
fn an_agents_file_may_be_read_at_any_point_of_its_growth() {
    let moments: Vec<Moment> = SESSIONS.iter().flat_map(moments).collect();
    assert!(!moments.is_empty(), "no transcripts with agents");
    let all = std::env::var_os("PROPTEST_CASES").is_some();
    let step = if all { 1 } else { moments.len().div_ceil(MOMENTS) };
    for moment in moments.iter().step_by(step) {
        let receiver = live(moment);
        let same = same_rows(&receiver.rows(), &moment.session.expected);
        same.and_then(|()| receiver.violations())
            .unwrap_or_else(|error| panic!("{moment:?}: {error}"));
    }
}

fn moments(session: &'static Session) -> Vec<Moment> {
    // The second of an agent's two files begins when the first is complete.
    let mut files = 0..session.agents.len();
    if session.agents.is_empty() || files.any(|file| session.continued_from(file).is_some()) {
        return Vec::new();
    }
    let in_first_turn = |end: &usize| (session.own_from..session.first_turn.end).contains(end);
    let mut moments = Vec::new();
    for main in session.main.message_ends().filter(in_first_turn) {
        for agents in points(session) {
            for run in [Run::Flush, Run::End] {
                let agents = agents.clone();
                moments.push(Moment { session, main, agents, run });
            }
        }
    }
    moments
}

/// Every combination of lengths of the agents' files.
fn points(session: &Session) -> Vec<Vec<usize>> {
    let of_file = |file: &Growing| {
        let all: Vec<usize> = std::iter::once(0).chain(file.message_ends()).collect();
        let few = session.agents.len() > 1;
        let step = if few { all.len().div_ceil(POINTS) } else { 1 };
        let mut some: Vec<usize> = all.iter().copied().step_by(step).collect();
        some.push(file.bytes.len());
        some.dedup();
        some
    };
    session.agents.iter().map(of_file).fold(vec![Vec::new()], |before, ends| {
        let extend = |point: &Vec<usize>| {
            let point = point.clone();
            ends.clone().into_iter().map(move |end| [point.clone(), vec![end]].concat())
        };
        before.iter().flat_map(extend).collect()
    })
}

/// Runs at this moment, when the agents' files are complete, and again at the end.
fn live(moment: &Moment) -> Receiver {
    let Moment { session, main, agents, run } = moment;
    let (machine, mut receiver) = (Machine::new(), Receiver::default());
    let now = session.main.time_at(*main);
    let now = now.unwrap_or(Timestamp::from_millis(0));
    let whole: Vec<usize> = session.agents.iter().map(|file| file.bytes.len()).collect();
    machine.write(&session.main, *main, false);
    for (agents, run) in [(agents, *run), (&whole, Run::Flush)] {
        for (file, end) in session.agents.iter().zip(agents) {
            machine.write(file, *end, false);
        }
        machine.write_beside(session);
        machine.run(session, run, now, None, &mut receiver).unwrap();
    }
    machine.write_all(session);
    machine.run(session, Run::End, now, None, &mut receiver).unwrap();
    receiver
}
