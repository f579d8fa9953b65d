//! Hooks whose last rows are written while they run send the turn of one replay.

use std::ops::Range;

use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{Growing, SESSIONS, Session};
use transcript::{Record, Transcript};

/// Runs a Stop hook at each row that can be a turn's last and is late; returns the received bodies.
fn live(session: &Session) -> Receiver {
    let (machine, mut receiver) = (Machine::new(), Receiver::default());
    let mut written = session.own_from;
    let ends = session.main.message_ends();
    for end in ends.filter(|end| *end > session.own_from) {
        machine.write(&session.main, end, false);
        machine.write_beside(session);
        if machine.expected(session).is_none() {
            continue;
        }
        let rows = session.main.last_message(written..end);
        receiver.late = rows.map(|rows| (machine.path(&session.main.path), rows));
        let now = session.main.time_at(end).unwrap();
        let run = machine.run(session, Run::Stop, now, None, &mut receiver);
        run.unwrap();
        written = end;
    }
    machine.write_all(session);
    machine.replay(session, &mut receiver).unwrap();
    receiver
}

#[test]
fn hooks_with_a_late_last_row_send_the_turns_of_one_replay() {
    let mut waits = 0;
    for session in SESSIONS.iter() {
        let receiver = live(session);
        let rows = same_rows(&receiver.rows(), &session.expected);
        let verdict = rows.and_then(|()| receiver.violations());
        assert!(verdict.is_ok(), "{}: {verdict:?}", session.name);
        waits += receiver.waits;
    }
    assert!(waits > SESSIONS.len() / 4, "rows came late only {waits} times");
}

/// The spans of a Stop hook for a file up to `rows.end`, of which `rows` are written while it runs.
fn stop(session: &Session, rows: Range<usize>) -> Receiver {
    let (machine, mut receiver) = (Machine::new(), Receiver::default());
    let file = &session.main;
    machine.write(file, rows.end, false);
    let now = file.time_at(rows.end).unwrap();
    let late = (machine.path(&file.path), file.bytes[rows].to_vec());
    receiver.late = Some(late).filter(|(_, rows)| !rows.is_empty());
    let run = machine.run(session, Run::Stop, now, None, &mut receiver);
    run.unwrap();
    receiver
}

/// The end of the first answered turn, and the id of its prompt.
fn first_stop(session: &Session) -> Option<(usize, String)> {
    let machine = Machine::new();
    let ends = session.main.message_ends();
    ends.filter(|end| *end > session.own_from).find_map(|end| {
        machine.write(&session.main, end, false);
        Some((end, machine.expected(session)?.prompt_id?))
    })
}

/// The end of the row that opens the turn of this prompt. A hook without this row in the file waits for it first.
fn prompt_end(session: &Session, prompt: &str) -> Option<usize> {
    let machine = Machine::new();
    machine.write_all(session);
    let mut transcript = Transcript::open(&machine.path(&session.main.path), 0).unwrap();
    let mut opened = None;
    while let Some(entry) = transcript.next_entry().unwrap() {
        let opens = matches!(&entry.record, Record::Prompt(prompt) if !prompt.tentative);
        // A fork's copied rows also have its prompt's id.
        if opens && entry.header.prompt_id.as_deref() == Some(prompt) {
            opened = Some(usize::try_from(entry.end).unwrap());
        }
    }
    opened
}

#[test]
fn late_rows_do_not_change_what_a_hook_sends() {
    let mut waits = 0;
    for session in SESSIONS.iter() {
        let Some((end, prompt)) = first_stop(session) else {
            continue;
        };
        let expected = stop(session, end..end).rows();
        let file = &session.main;
        // The row of a typed skill is written after its Stop.
        let Some(opened) = prompt_end(session, &prompt) else {
            continue;
        };
        let starts = file.message_ends().filter(|start| *start < end);
        for start in starts.filter(|start| *start >= opened) {
            let receiver = stop(session, start..end);
            if receiver.waits == 0 {
                // The session has no open turn of its own: the hook does not connect.
                continue;
            }
            let rows = same_rows(&receiver.rows(), &expected);
            assert!(rows.is_ok(), "{} from {start}: {rows:?}", session.name);
            receiver.violations().unwrap();
            receiver.each_generation_once().unwrap();
            waits += receiver.waits;
        }
    }
    assert!(waits > SESSIONS.len() / 2, "rows came late only {waits} times");
}

#[test]
fn a_model_call_that_continues_in_a_late_row_is_sent_whole() {
    let mut sessions = SESSIONS.iter();
    let tools = sessions.find(|session| session.name.starts_with("v2.1.330/tools/"));
    let mut session = tools.unwrap().clone();
    // The answer belongs to the first call, which the next one had closed.
    let text = String::from_utf8(session.main.bytes).unwrap();
    let mut ids: Vec<&str> = text.split("\"id\":\"msg_").skip(1).collect();
    ids.iter_mut().for_each(|id| *id = &id[..id.find('"').unwrap()]);
    let (first, last) = (ids[0], ids[ids.len() - 1]);
    assert_ne!(first, last);
    let bytes = text.replace(last, first).into_bytes();
    session.main = Growing::new(session.main.path, bytes);
    let (end, _) = first_stop(&session).unwrap();
    let expected = stop(&session, end..end).rows();
    let start = session.main.message_ends().filter(|start| *start < end);
    let receiver = stop(&session, start.last().unwrap()..end);
    assert_eq!(receiver.waits, 1);
    same_rows(&receiver.rows(), &expected).unwrap();
}
