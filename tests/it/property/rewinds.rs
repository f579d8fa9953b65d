//! Rewinds: the new turn names the turn that was left and the number of abandoned turns,
//! even if these were read long ago.

use std::fs;
use std::path::Path;

use langfuse_mock::Row;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::cases;
use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::{SESSIONS, Session};
use super::splits::{Step, live};

const ID: &str = "00000000-0000-4000-8000-000000000000";

/// The mark of a turn: its prompt, the turn that was left, the number of abandoned turns.
type Mark = (String, String, String);

fn marks(rows: &[Row]) -> Vec<Mark> {
    let roots = rows.iter().filter(|row| row.parent_span_id.is_none());
    let text = |row: &Row, key: &str| row.metadata.get(key).cloned();
    let mut marks: Vec<Mark> = roots
        .filter_map(|row| {
            let from = text(row, "rewound_from")?;
            let abandoned = text(row, "turns_abandoned")?;
            Some((row.input.clone().unwrap_or_default(), from, abandoned))
        })
        .collect();
    marks.sort();
    marks
}

#[test]
fn only_rewound_recordings_have_the_mark() {
    let mut found = Vec::new();
    for session in SESSIONS.iter() {
        for (_, from, abandoned) in marks(&session.expected) {
            let from = from.split('-').next().unwrap().to_owned();
            found.push(format!("{} {from} {abandoned}", session.name));
        }
    }
    assert_eq!(
        found,
        [
            "v2.1.197/rewind/ccb05227 73f543a1 1",
            "v2.1.330/rewind/9d3283b5 fe265f74 1",
            "v2.1.330/rewind-command/7c272300 0dbd2a44 1",
            "v2.1.330/rewind-command/7c272300 856d67e4 2",
            "v2.1.330/rewind-first/e08094b8 b16c27d5 2",
            "v2.1.330/rewind-tui/4791eeae-titled 4a623d1b 2",
            "v2.1.330/rewind-tui/4791eeae 4a623d1b 2",
        ]
    );
}

/// One prompt after another; each continues after the newest turn of its branch, or this many turns before.
fn conversation(back: &[usize], numbered: bool, silent: &[bool]) -> (Session, Vec<Mark>) {
    let (mut text, mut marks) = (String::new(), Vec::new());
    let mut branch: Vec<(String, String)> = Vec::new();
    let mut write = |row: Value| text += &format!("{row}\n");
    for (number, back) in back.iter().enumerate() {
        // Only the number shows a rewind to the beginning.
        let least = usize::from(!numbered).min(branch.len());
        let left = branch.split_off(branch.len().saturating_sub(*back).max(least));
        let prompt = format!("prompt {number}");
        let uuid = format!("p{number}");
        if let Some((from, _)) = left.last() {
            marks.push((prompt.clone(), from.clone(), left.len().to_string()));
        }
        let parent = branch.last().or(left.last()).map(|(_, last)| last.clone());
        let mut row = common("user", &uuid, parent.as_deref(), number);
        row["message"] = json!({"role": "user", "content": prompt});
        if numbered {
            row["turnOrigin"] = json!("human");
            row["turnPosition"] = json!({"promptIndex": 1, "turnIndex": branch.len() + 1});
        }
        write(row);
        let mut row = common("assistant", &format!("a{number}"), Some(&uuid), number);
        row["message"] = json!({
            "id": format!("m{number}"), "role": "assistant", "model": "claude", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "x ".repeat(number * 700)}], "usage": {"output_tokens": 1}
        });
        write(row);
        let mut last = format!("a{number}");
        if silent.get(number) != Some(&true) {
            let uuid = format!("s{number}");
            let mut row = common("system", &uuid, Some(&last), number);
            row["subtype"] = json!("turn_duration");
            write(row);
            last = uuid;
        }
        branch.push((uuid, last));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{ID}.jsonl"));
    fs::write(&path, text).unwrap();
    marks.sort();
    (Session::read(&path, "made up".to_owned()), marks)
}

fn common(kind: &str, uuid: &str, parent: Option<&str>, number: usize) -> Value {
    let time = format!("2024-01-01T00:{:02}:{:02}.000Z", number / 60, number % 60);
    json!({
        "parentUuid": parent, "isSidechain": false, "type": kind, "uuid": uuid, "timestamp": time,
        "sessionId": ID, "version": "2.1.330", "cwd": Path::new("/home/dev/project")
    })
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn hooks_and_replay_send_the_same_true_marks(
        back in prop::collection::vec(prop_oneof![Just(0_usize), 0_usize..4], 1..12),
        numbered in any::<bool>(),
        silent in prop::collection::vec(any::<bool>(), 12),
        steps in Step::several(Run::any()),
    ) {
        let (session, expected) = conversation(&back, numbered, &silent);
        prop_assert_eq!(&marks(&session.expected), &expected);
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, &session, &steps, &mut receiver)?;
        receiver.violations()?;
        same_rows(&receiver.rows(), &session.expected)?;
        prop_assert_eq!(receiver.scores(), session.scores.clone());
    }
}
