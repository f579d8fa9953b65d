//! Own rows, copies and rows of other sessions, by each mark that releases write.

use std::fs;
use std::path::Path;

use base::Timestamp;

use super::{Lineage, OwnRows, SessionIds};
use crate::{AssistantMessage, Block, Entry, Header, Prompt, Record, Request};

const MINE: &str = "mine";

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn own() -> Header {
    Header { session_id: Some(MINE.to_owned()), ..Header::default() }
}

/// Rows of ten bytes each, one after the other.
fn rows(rows: Vec<(u64, Header, Record)>) -> Vec<Entry> {
    let entry = |(index, (millis, header, record)): (usize, (u64, Header, Record))| Entry {
        offset: index as u64 * 10,
        end: index as u64 * 10 + 10,
        at: Some(at(millis)),
        uuid: Some(format!("row-{index}")),
        header,
        record,
    };
    rows.into_iter().enumerate().map(entry).collect()
}

fn prompt(text: &str) -> Record {
    let content = vec![Block::Text(text.to_owned())];
    Record::Prompt(Prompt { content, marked: true, ..Prompt::default() })
}

fn answer() -> Record {
    Record::Assistant(AssistantMessage::default())
}

fn request() -> Record {
    Record::Request(Request { id: "r".to_owned(), params: serde_json::Value::Null, shape: None })
}

fn queued(text: &str) -> Record {
    Record::Queued(Some(text.to_owned()))
}

/// The beginning of the own rows; `None` while it is undecided.
fn decided_in(folder: &Path, rows: &[Entry]) -> Option<u64> {
    let transcript = folder.join("mine.jsonl");
    let mut lineage = Lineage::new(SessionIds::new(MINE, &transcript), &transcript);
    rows.iter().for_each(|row| lineage.observe(row));
    lineage.is_decided().then_some(lineage.own_from)
}

fn decided(rows: &[Entry]) -> Option<u64> {
    decided_in(Path::new("/nonexistent"), rows)
}

#[test]
fn a_session_that_was_not_forked_owns_all_its_rows() {
    for second in [answer(), request()] {
        let begun = rows(vec![(1, own(), prompt("a")), (2, own(), second)]);
        assert_eq!(decided(&begun[..1]), None, "its answer may yet say that it was copied");
        assert_eq!(decided(&begun), Some(0));
    }
    assert_eq!(decided(&rows(vec![(1, own(), queued("a")), (2, own(), prompt("a"))])), Some(0));
    let old = Record::Prompt(Prompt::default());
    assert_eq!(decided(&rows(vec![(1, own(), old)])), Some(0), "of a release that marks copies");
}

#[test]
fn copied_answers_make_the_prompts_before_them_copies() {
    let by_other = Header { request_session_id: Some("other".to_owned()), ..own() };
    let all = rows(vec![
        (1, own(), prompt("a")),
        (2, by_other, answer()),
        (3, own(), prompt("b")),
        (4, own(), request()),
    ]);
    for cut in 0..4 {
        assert_eq!(decided(&all[..cut]), None, "{cut}");
    }
    assert_eq!(decided(&all), Some(30), "a copied prompt has no mark: it may be one");
}

#[test]
fn the_prompt_for_which_a_hook_was_called_is_own() {
    let header = || Header { prompt_id: Some("p".to_owned()), ..own() };
    let all = rows(vec![(1, header(), prompt("a"))]);
    let transcript = Path::new("/nonexistent/mine.jsonl");
    for (called_for, is_own) in [("p", true), ("q", false)] {
        let lineage = Lineage::new(SessionIds::new(MINE, transcript), transcript);
        let mut lineage = lineage.called_for(Some(&called_for.to_owned()));
        lineage.observe(&all[0]);
        assert_eq!(lineage.is_decided(), is_own);
    }
}

#[test]
fn the_first_prompt_without_the_mark_of_the_others_is_own() {
    let marked = Header { forked: true, ..own() };
    let of_other = Header { session_id: Some("other".to_owned()), ..Header::default() };
    for copy in [marked, of_other] {
        let all = rows(vec![
            (1, copy.clone(), prompt("a")),
            (2, copy, answer()),
            (3, own(), prompt("b")),
        ]);
        assert_eq!(decided(&all[..2]), None);
        assert_eq!(decided(&all), Some(20));
    }
}

#[test]
fn rows_older_than_the_queue_row_above_all_messages_are_copies() {
    let all = rows(vec![
        (100, own(), queued("b")),
        (1, own(), prompt("a")),
        (2, own(), answer()),
        (101, own(), prompt("b")),
    ]);
    assert_eq!(decided(&all[..3]), None);
    assert_eq!(decided(&all), Some(30));
    let below =
        rows(vec![(1, own(), prompt("a")), (100, own(), queued("b")), (50, own(), answer())]);
    assert_eq!(decided(&below), Some(0));
}

#[test]
fn a_prompt_that_only_the_clock_made_older_than_its_queue_row_is_own() {
    let folder = tempfile::tempdir().unwrap();
    let all = rows(vec![(100, own(), queued("a")), (90, own(), prompt("a"))]);
    assert_eq!(decided_in(folder.path(), &all), Some(0));
    fs::write(folder.path().join("other.jsonl"), "{\"uuid\":\"row-1\"}\n").unwrap();
    assert_eq!(decided_in(folder.path(), &all), None, "another session has it");
}

#[test]
fn a_session_in_the_background_begins_with_the_rows_that_the_first_one_has() {
    let background = || Header { background: true, ..own() };
    let all = rows(vec![
        (1, background(), prompt("a")),
        (2, background(), answer()),
        (3, background(), prompt("b")),
        (4, background(), answer()),
    ]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(decided_in(folder.path(), &all[..1]), None);
    assert_eq!(decided_in(folder.path(), &all), Some(0), "no rule can tell");
    let other = folder.path().join("other.jsonl");
    let first = |kind: &str| format!("{{\"uuid\":\"row-0\"{kind}}}\n{{\"uuid\":\"row-1\"}}\n");
    fs::write(&other, first(",\"sessionKind\":\"bg\"")).unwrap();
    assert_eq!(decided_in(folder.path(), &all), Some(0), "another one in the background");
    fs::write(&other, first("")).unwrap();
    assert_eq!(decided_in(folder.path(), &all[..2]), None);
    assert_eq!(decided_in(folder.path(), &all[..3]), Some(20));
}

#[test]
fn rows_that_were_written_into_the_wrong_file_are_no_copies() {
    let of_other = Header { session_id: Some("other".to_owned()), ..Header::default() };
    let younger = rows(vec![
        (1, own(), queued("a")),
        (5, of_other.clone(), prompt("x")),
        (6, of_other, answer()),
        (7, own(), prompt("a")),
    ]);
    let transcript = Path::new("/nonexistent/mine.jsonl");
    let mut lineage = Lineage::new(SessionIds::new(MINE, transcript), transcript);
    younger.iter().for_each(|row| lineage.observe(row));
    assert!(lineage.is_decided());
    assert_eq!(lineage.parent, None);
    let mut own_rows = lineage.own_rows();
    own_rows.begin_at(lineage.own_from);
    let admitted: Vec<bool> = younger.iter().map(|row| own_rows.admit(row)).collect();
    assert_eq!(admitted, [true, false, false, true]);
    assert_eq!(own_rows.guests.keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn history_that_is_written_again_is_left_out_up_to_the_first_new_row() {
    let folder = tempfile::tempdir().unwrap();
    let transcript = folder.path().join("mine.jsonl");
    let row = |uuid: &str| format!("{{\"uuid\":\"{uuid}\"}}\n");
    let written = ["a", "b", "c", "a", "b", "d", "e"];
    fs::write(&transcript, written.map(row).concat()).unwrap();
    let records =
        [prompt("1"), answer(), prompt("2"), prompt("1"), answer(), answer(), prompt("3")];
    let length = row("a").len() as u64;
    let times = [1, 2, 3, 1, 2, 2, 4];
    let entries = written.iter().zip(records).zip(times).enumerate();
    let entries: Vec<Entry> = entries
        .map(|(index, ((uuid, record), millis))| Entry {
            offset: index as u64 * length,
            end: (index as u64 + 1) * length,
            at: Some(at(millis)),
            uuid: Some((*uuid).to_owned()),
            header: own(),
            record,
        })
        .collect();
    let admitted = |from: usize, resumed: Option<&str>| -> String {
        let mut own_rows = OwnRows::new(SessionIds::new(MINE, &transcript), &transcript);
        own_rows.begin_at(0);
        if let Some(resumed) = resumed {
            own_rows.go_on(Some(&resumed.to_owned()), at(3));
        }
        let rows = entries.iter().skip(from).filter(|entry| own_rows.admit(entry));
        rows.filter_map(|entry| entry.uuid.clone()).collect()
    };
    assert_eq!(admitted(0, None), "abcde");
    assert_eq!(admitted(2, Some("c")), "cde");
}
