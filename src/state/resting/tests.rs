//! Who sleeps comes back as it was, whatever ends a run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;
use transcript::{FileMark, Notification};

use super::mark;
use crate::state::{Cursor, Link, Store, Subagent};
use crate::trace::Context;

/// A state folder with the cursor of a session that has launched these agents, one in each turn.
fn state(agents: &[&str]) -> (TempDir, Store, Cursor) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let mut cursor = Cursor::new("s", "d", "/t.jsonl".into());
    for agent in agents {
        launch(&mut cursor, agent);
    }
    store.save_cursor(&cursor).unwrap();
    (folder, store, cursor)
}

fn launch(cursor: &mut Cursor, agent: &str) {
    let turn = format!("turn of {agent}");
    let subagent = Subagent {
        tool_use_id: Some(format!("call of {agent}")),
        link: Some(Link { turn: turn.clone(), span: None }),
        idle: true,
        ended: true,
        ..Subagent::default()
    };
    cursor.contexts.insert(turn, context());
    cursor.subagents.insert(agent.to_owned(), subagent);
}

fn context() -> Context {
    let context = json!({"trace_id": "t", "name": "n", "session_id": "s"});
    serde_json::from_value(context).unwrap()
}

fn lay_to_rest(store: &Store, cursor: &mut Cursor) {
    store.lay_to_rest(cursor, &BTreeSet::new(), &[]);
    cursor.forget_closed_contexts(&BTreeSet::new());
}

fn asleep(store: &Store) -> Cursor {
    store.cursor_partly_asleep("s", "d").unwrap().unwrap()
}

#[test]
fn whoever_sleeps_comes_back_as_it_was_with_what_stands_on_its_spans() {
    let (_folder, store, mut cursor) = state(&["a1", "a2"]);
    let before = cursor.clone();
    lay_to_rest(&store, &mut cursor);
    assert!(cursor.is_partly_asleep() && cursor.subagents.is_empty() && cursor.contexts.is_empty());
    launch(&mut cursor, "a3");
    lay_to_rest(&store, &mut cursor);
    store.save_cursor(&cursor).unwrap();
    let mut expected = before;
    launch(&mut expected, "a3");
    let mut read = asleep(&store);
    assert_eq!(read, cursor);
    read.wake();
    assert_eq!((&read.subagents, &read.contexts), (&expected.subagents, &expected.contexts));
    let read = store.cursor("s", "d").unwrap().unwrap();
    assert_eq!((&read.subagents, &read.contexts), (&expected.subagents, &expected.contexts));
}

#[test]
fn all_names_that_have_to_do_with_one_wake_them_and_no_others() {
    for (name, wakes) in [
        ("a1", true),
        ("call of a1", true),
        ("turn of a1", true),
        ("a", false),
        ("", false),
        ("a11", false),
    ] {
        let (_folder, store, mut cursor) = state(&["a1", "a2"]);
        lay_to_rest(&store, &mut cursor);
        cursor.wake_if_named(name);
        assert_eq!(cursor.subagents.len(), if wakes { 2 } else { 0 }, "{name}");
    }
}

#[test]
fn one_sleeps_on_while_its_file_is_the_one_that_was_read() {
    let (folder, store, mut cursor) = state(&["a1", "a2"]);
    let path = folder.path().join("agent");
    fs::write(&path, "rows").unwrap();
    cursor.subagents.get_mut("a1").unwrap().file = FileMark::take(&path, 4).unwrap();
    lay_to_rest(&store, &mut cursor);
    let metadata = || path.metadata().unwrap();
    assert!(cursor.lets_sleep("a1", &metadata()));
    assert!(!cursor.lets_sleep("a2", &metadata()));
    let copy = path.with_extension("copy");
    fs::copy(&path, &copy).unwrap();
    assert!(!cursor.lets_sleep("a1", &copy.metadata().unwrap()));
    fs::write(&path, "more rows").unwrap();
    assert!(!cursor.lets_sleep("a1", &metadata()));
}

#[test]
fn who_waits_or_was_named_stays_awake() {
    let changes: [fn(&mut Subagent); 5] = [
        |subagent| subagent.idle = false,
        |subagent| subagent.ended = false,
        |subagent| subagent.declined = true,
        // Its launch can't be told by a name.
        |subagent| (subagent.link, subagent.tool_use_id) = (None, None),
        |subagent| subagent.link.as_mut().unwrap().turn = "open".to_owned(),
    ];
    for change in changes {
        let (_folder, store, mut cursor) = state(&["a1"]);
        change(cursor.subagents.get_mut("a1").unwrap());
        store.lay_to_rest(&mut cursor, &BTreeSet::from(["open".to_owned()]), &[]);
        assert!(!cursor.is_partly_asleep(), "{:?}", cursor.subagents);
    }
    for (task_id, tool_use_id) in [(Some("a1"), None), (None, Some("call of a1"))] {
        let (_folder, store, mut cursor) = state(&["a1", "a2"]);
        let told = Notification {
            task_id: task_id.map(str::to_owned),
            tool_use_id: tool_use_id.map(str::to_owned),
            status: None,
            summary: None,
        };
        store.lay_to_rest(&mut cursor, &BTreeSet::new(), &[told]);
        assert_eq!(cursor.subagents.keys().collect::<Vec<_>>(), ["a1"]);
    }
}

/// A run that is killed leaves the cursor that it kept last, and what it wrote beside it since.
#[test]
fn what_the_kept_cursor_knows_is_never_written_over() {
    let (_folder, store, mut cursor) = state(&["a1", "a2"]);
    for round in 0..4 {
        lay_to_rest(&store, &mut cursor);
        store.save_cursor(&cursor).unwrap();
        let kept = store.cursor("s", "d").unwrap().unwrap().subagents;
        assert_eq!(kept.len(), 2 + round);
        // One run adds somebody, the other wakes all: neither comes to keep its cursor.
        let mut killed = asleep(&store);
        launch(&mut killed, "more");
        lay_to_rest(&store, &mut killed);
        let mut killed = asleep(&store);
        killed.wake();
        launch(&mut killed, "others");
        lay_to_rest(&store, &mut killed);
        assert_eq!(store.cursor("s", "d").unwrap().unwrap().subagents, kept);
        cursor = asleep(&store);
        if round % 2 == 0 {
            cursor.wake();
        }
        launch(&mut cursor, &format!("b{round}"));
    }
}

#[test]
fn without_its_sleepers_a_session_goes_on() {
    let damages: [fn(&PathBuf); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| File::options().write(true).open(path).unwrap().set_len(9).unwrap(),
        |path| fs::write(path, vec![0xff; 1 << 16]).unwrap(),
    ];
    for damage in damages {
        let (folder, store, mut cursor) = state(&["a1", "a2"]);
        lay_to_rest(&store, &mut cursor);
        store.save_cursor(&cursor).unwrap();
        damage(&folder.path().join("claude-langfuse/sessions/s/d.resting"));
        let mut cursor = asleep(&store);
        launch(&mut cursor, "a3");
        lay_to_rest(&store, &mut cursor);
        cursor.wake();
        assert_eq!(cursor.session_id, "s");
        lay_to_rest(&store, &mut cursor);
        store.save_cursor(&cursor).unwrap();
        assert!(store.cursor("s", "d").unwrap().is_some());
    }
}

/// Of another hash no name would be known again.
#[test]
fn marks_are_those_of_every_release() {
    assert_eq!(&mark(b"a1"), b"eknaolccnlcjodnh");
    assert_eq!(&mark(b"a00000000000000ff"), b"dnggaffmjniafooh");
}
