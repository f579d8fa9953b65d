//! State comes back as it was kept, and damage to it costs no more than itself.

use std::time::Duration;

use super::{Store, file_name};
use crate::state::Cursor;
use crate::trace::{SpanId, SpanIds, TraceId};

#[test]
fn a_cursor_is_found_again_and_only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let cursor = Cursor::new("session", "destination", "/t.jsonl".into());
    store.save_cursor(&cursor).unwrap();
    assert_eq!(store.cursor("session", "destination").unwrap(), Some(cursor.clone()));
    assert_eq!(store.cursor("session", "other").unwrap(), None);
    assert_eq!(store.all_cursors().collect::<Vec<_>>(), [cursor]);
    let mode =
        |path: &str| folder.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("claude-langfuse"), 0o700);
    assert_eq!(mode("claude-langfuse/sessions/session/destination.json"), 0o600);
}

#[test]
fn a_damaged_file_is_put_aside_and_a_newer_one_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.save_cursor(&Cursor::new("s", "d", "/t".into())).unwrap();
    let path = folder.path().join("claude-langfuse/sessions/s/d.json");
    std::fs::write(&path, "{\"schema\":1,").unwrap();
    assert_eq!(store.cursor("s", "d").unwrap(), None);
    assert!(path.with_extension("bad").exists());
    std::fs::write(&path, "{\"schema\":99}").unwrap();
    let error = store.cursor("s", "d").unwrap_err().to_string();
    assert!(error.contains("newer claude-langfuse"), "{error}");
    assert!(path.exists());
}

#[test]
fn one_changed_byte_puts_a_cursor_aside_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let mut cursor = Cursor::new("s", "d", "/t".into());
    cursor.own_from = 1200;
    cursor.refused.insert(SpanIds::of_turn("u").turn("u"), 1);
    store.save_cursor(&cursor).unwrap();
    let path = folder.path().join("claude-langfuse/sessions/s/d.json");
    let saved = std::fs::read(&path).unwrap();
    for at in 0..saved.len() {
        for changed in [Some(saved[at] ^ 1), Some(saved[at] ^ 32), None] {
            let mut damaged = saved.clone();
            damaged.splice(at..=at, changed);
            std::fs::write(&path, &damaged).unwrap();
            let found = store.cursor("s", "d").unwrap();
            assert!(found.is_none_or(|found| found == cursor), "{at}: {changed:?}");
        }
    }
}

#[test]
fn an_invalid_id_in_state_is_damage() {
    for id in ["", "8a1145", "../../x\\u001b[31m", "8A1145D0C5D9F7A1B2C3D4E5F6A7B8C9"] {
        let read = |kind: &str| format!("{{\"schema\":3,\"{kind}\":{{\"{id}\":1}}}}");
        assert!(serde_json::from_str::<Cursor>(&read("refused")).is_err(), "{id}");
        let quoted = format!("\"{id}\"");
        assert!(serde_json::from_str::<TraceId>(&quoted).is_err(), "{id}");
        assert!(serde_json::from_str::<SpanId>(&quoted).is_err(), "{id}");
    }
}

#[test]
fn one_process_at_a_time_has_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let held = store.lock("s", Duration::ZERO).unwrap();
    assert!(held.is_some());
    assert!(store.lock("s", Duration::from_millis(20)).unwrap().is_none());
    drop(held);
    assert!(store.lock("s", Duration::ZERO).unwrap().is_some());
}

#[test]
fn a_session_id_from_outside_never_leads_out_of_the_folder() {
    for id in ["../../etc/passwd", "", "a/b", "🦀", &"x".repeat(10_000)] {
        let name = file_name(id);
        assert!(name.len() == 17 && name.starts_with('x'), "{id} {name}");
    }
    assert_eq!(
        file_name("8b81bdbc-c020-4660-bfa2-b2aa8549675d"),
        "8b81bdbc-c020-4660-bfa2-b2aa8549675d"
    );
}
