//! A session whose file Claude Code rewrote twice, at compactions: no row is wrong or duplicate, only removed rows are lost.

use std::collections::BTreeSet;
use std::path::Path;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::judge;
use crate::sandbox::{Firing, Recording, Sandbox};

pub(super) const NAME: &str = "v2.1.330/compact-rewrite";

/// All states of the file, the last one at the end.
const FILES: [&str; 3] = ["states/1.jsonl", "states/2.jsonl", LAST];
const LAST: &str = "projects/-home-dev-project/eba9862a-41a3-4897-b76e-5a56cdf7d19e.jsonl";

#[test]
fn hooks_bring_every_call_that_they_see() {
    let recording = Recording::open(NAME);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    play(&sandbox, &recording);
    assert_true(&mock, &recording, &FILES);
    assert_eq!(generations_shown(&mock), generations(&rows_of(&recording, &FILES)));
}

#[test]
fn no_two_turns_have_the_same_number() {
    let recording = Recording::open(NAME);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    play(&sandbox, &recording);
    let turns = roots(&mock.rows()).into_iter();
    let turns = turns.filter(|row| row.name == "claude-code");
    let mut numbers: Vec<(i64, Option<String>)> =
        turns.map(|row| (row.start_ms, row.metadata.get("turn_number").cloned())).collect();
    numbers.sort_unstable();
    // One turn's prompt was removed before a hook was called.
    let (numbered, others): (Vec<_>, Vec<_>) =
        numbers.into_iter().map(|(_, number)| number).partition(Option::is_some);
    assert_eq!(numbered.into_iter().flatten().collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    assert_eq!(others, [None]);
}

#[test]
fn a_replay_after_the_hooks_brings_nothing_wrong_and_nothing_double() {
    let recording = Recording::open(NAME);
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    play(&sandbox, &recording);
    let before = mock.rows().len();
    sandbox.run(&["replay", &path(&sandbox)]).exits(0);
    assert_true(&mock, &recording, &FILES);
    assert_eq!(mock.rows().len(), before);
}

#[test]
fn a_replay_sends_all_remaining_turns() {
    let recording = Recording::open(NAME);
    for file in FILES {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        put(&sandbox, &recording, (file, usize::MAX), true);
        sandbox.run(&["replay", &path(&sandbox)]).exits(0);
        assert_true(&mock, &recording, &[file]);
        assert_eq!(generations_shown(&mock), generations(&rows_of(&recording, &[file])));
    }
}

#[test]
fn remaining_items_are_shown_as_before() {
    super::is_shown_as_before(NAME);
}

fn play(sandbox: &Sandbox, recording: &Recording) {
    let mut file = String::new();
    for firing in &recording.firings {
        let mut states = firing.states.iter();
        let (at_start, rows) = states.next().expect("the file at the hook's start");
        put(sandbox, recording, (at_start, *rows), *at_start != file);
        file.clone_from(at_start);
        let event = event_at(firing, &path(sandbox));
        let hook = sandbox.start(&["hook"], event.to_string().as_bytes());
        if let Some((late, rows)) = states.next() {
            std::thread::sleep(firing.late);
            put(sandbox, recording, (late, *rows), *late != file);
            file.clone_from(late);
        }
        hook.end().silent();
    }
}

/// Writes the first rows of a state to the session's file: appended, or as a new file.
fn put(sandbox: &Sandbox, recording: &Recording, (file, rows): (&str, usize), is_new: bool) {
    let text = recording.rows_of(file, rows);
    let name = Path::new(".claude").join(LAST);
    if is_new {
        let new = sandbox.write("new.jsonl", text.as_bytes());
        let old = sandbox.write(name.to_str().unwrap(), b"");
        std::fs::rename(new, old).unwrap();
        return;
    }
    let path = sandbox.path(name.to_str().unwrap());
    let have = usize::try_from(path.metadata().unwrap().len()).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    let new = text.get(have..).unwrap_or_default();
    std::io::Write::write_all(&mut file, new.as_bytes()).unwrap();
}

fn path(sandbox: &Sandbox) -> String {
    let path = sandbox.path(".claude").join(LAST);
    path.to_str().unwrap().to_owned()
}

fn event_at(firing: &Firing, path: &str) -> Value {
    let mut event = firing.event.clone();
    event["transcript_path"] = json!(path);
    event
}

/// All rows are valid, come from rows of these files, and every trace comes from an opening row.
fn assert_true(mock: &MockLangfuse, recording: &Recording, files: &[&str]) {
    judge::assert_sound(mock);
    mock.rows().iter().for_each(crate::metadata::validate);
    let rows = rows_of(recording, files);
    let shown = generations_shown(mock);
    assert!(shown.is_subset(&generations(&rows)), "{shown:?}");
    let openings = rows.iter().filter(|row| opens(row)).map(|row| &row["uuid"]);
    // The summary names the removed row.
    let named = rows.iter().filter_map(|row| row["summarizedTurnPromptUuids"].as_array()?.last());
    let openings: BTreeSet<String> =
        openings.chain(named).filter_map(|uuid| Some(digest(uuid.as_str()?, 32))).collect();
    for root in roots(&mock.rows()) {
        let what = format!("{} {:?}", root.name, root.input);
        assert!(openings.contains(&root.trace_id), "no opening row: {what}");
    }
}

fn roots(rows: &[Row]) -> Vec<Row> {
    let roots = rows.iter().filter(|row| row.parent_span_id.is_none());
    roots.cloned().collect()
}

/// Prompts, and boundaries of compactions between turns.
fn opens(row: &Value) -> bool {
    let opens_a_turn = !row["turnOrigin"].is_null() && row["isCompactSummary"] != true;
    opens_a_turn || row["subtype"] == "compact_boundary"
}

fn rows_of(recording: &Recording, files: &[&str]) -> Vec<Value> {
    let texts = files.iter().map(|file| recording.rows_of(file, usize::MAX)).collect::<String>();
    let parse = |line: &str| serde_json::from_str(line).unwrap();
    texts.lines().map(parse).collect()
}

fn generations(rows: &[Value]) -> BTreeSet<String> {
    let answers = rows.iter().filter(|row| row["type"] == "assistant");
    answers
        .filter(|row| row["message"]["model"] != "<synthetic>")
        .map(|row| row["message"]["id"].as_str().unwrap())
        .map(|id| digest(&format!("generation:{id}"), 16))
        .collect()
}

fn generations_shown(mock: &MockLangfuse) -> BTreeSet<String> {
    let rows = mock.rows().into_iter();
    rows.filter(|row| row.kind == "GENERATION").map(|row| row.span_id).collect()
}

/// The first hex digits of a text's hash.
fn digest(text: &str, digits: usize) -> String {
    let digest = Sha256::digest(text);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..digits].to_owned()
}
