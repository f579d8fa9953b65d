//! The title of a session is on every span of the turns that were opened after it, and on the root of the turn in which it
//! was set.

use langfuse_mock::{MockLangfuse, Row};
use serde_json::json;

use crate::sandbox::{Sandbox, Session, traced_to};

/// Three turns; titles are set in the first and after the second.
fn titled(sandbox: &Sandbox) -> Session<'_> {
    let mut session = sandbox.session("v2.1.330/stream-multi");
    let answers: Vec<usize> = (0..3).map(|stop| session.answered_rows(stop)).collect();
    let id = session.id().to_owned();
    let title =
        |text: &str| format!("{}\n", json!({"type": "ai-title", "aiTitle": text, "sessionId": id}));
    let lines = &mut session.recording.sessions[0].lines;
    lines.insert(answers[1], title("Second title"));
    lines.insert(answers[0] - 1, title("First title"));
    session
}

fn title(row: &Row) -> Option<&str> {
    row.metadata.get("session_title").map(String::as_str)
}

/// The titles on the spans of each turn, root first.
fn titles(rows: &[Row]) -> Vec<(Option<&str>, Vec<Option<&str>>)> {
    let mut roots: Vec<&Row> = rows.iter().filter(|row| row.parent_span_id.is_none()).collect();
    roots.sort_by_key(|row| row.start_ms);
    let below = |root: &Row| {
        let all = rows.iter().filter(|row| row.trace_id == root.trace_id);
        let mut below: Vec<_> = all.filter(|row| row.parent_span_id.is_some()).map(title).collect();
        below.dedup();
        below
    };
    roots.into_iter().map(|root| (title(root), below(root))).collect()
}

#[test]
fn a_title_is_on_every_turn_once_it_is_known() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = titled(&sandbox);
    session.whole().replay(&[]).exits(0);
    let (first, second) = (Some("First title"), Some("Second title"));
    let expected = [(first, vec![None]), (first, vec![first]), (second, vec![second])];
    assert_eq!(titles(&mock.rows()), expected);
    let replayed = mock.rows();
    // One hook per turn, with a cursor that has the offset of the title.
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = titled(&sandbox);
    for rows in [24, 31, usize::MAX] {
        session.grow(rows).replay(&[]).exits(0);
    }
    assert_eq!(mock.rows(), replayed);
    for (path, content, _) in sandbox.state_files() {
        let content = String::from_utf8_lossy(&content).into_owned();
        assert!(!content.contains(" title"), "{}: {content}", path.display());
    }
}

#[test]
fn a_title_given_while_nothing_was_sent_is_on_no_later_turn() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = titled(&sandbox);
    // First contact is at the second turn.
    session.answered(1).stop(1);
    let rows = mock.rows();
    assert_eq!(titles(&rows), [(None, vec![None])], "{rows:?}");
}

#[test]
fn a_title_is_content_where_only_metadata_is_captured() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::new();
    let mut env = traced_to(&mock.url());
    env["CC_LANGFUSE_CAPTURE"] = json!("metadata");
    sandbox.config(&json!({"env": env}));
    titled(&sandbox).whole().replay(&[]).exits(0);
    let marker = |length| Some(format!("[not captured: {length} chars]"));
    let rows = mock.rows();
    let found = titles(&rows);
    assert_eq!(found[1].0.map(str::to_owned), marker(11));
    assert_eq!(found[2].1[0].map(str::to_owned), marker(12));
}

#[test]
fn in_another_applications_trace_the_title_is_only_on_the_turn() {
    let mock = MockLangfuse::start();
    let mut sandbox = Sandbox::traced(&mock);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    sandbox.set("CC_LANGFUSE_TRACEPARENT", parent);
    titled(&sandbox).whole().replay(&[]).exits(0);
    let rows = mock.rows();
    let (turns, others): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.name == "claude-code");
    let mut found: Vec<_> = turns.iter().map(|row| row.metadata.get("session_title")).collect();
    found.sort();
    assert_eq!(
        found,
        [
            Some(&"First title".to_owned()),
            Some(&"First title".to_owned()),
            Some(&"Second title".to_owned())
        ]
    );
    assert!(others.iter().all(|row| !row.metadata.contains_key("session_title")));
}
