//! The texts that show stored rows: the tree for people and the snapshot for tests.

use super::{VERDICTS, replay};
use langfuse_mock::{Events, Row, render_with, snapshot, tool_calls_are_rendered};

/// The rows that a recorded case stores.
fn rows_of(name: &str) -> Vec<Row> {
    let case =
        VERDICTS.lines().find(|line| line.starts_with(&format!("{{\"name\":\"{name}\","))).unwrap();
    let mut events = Events::new();
    replay(&serde_json::from_str(case).unwrap(), &mut events);
    events.rows()
}

#[test]
fn a_trace_is_shown_as_a_tree() {
    let expected = "\
session 0b0f6a1e-6f0f-4a3b-9a55-2d0d9a1c7e01
trace Claude Code turn  [claude-code, project:demo]
└ agent claude-code  20.0s  ‹ explore  › Done.
  ├ generation chat  claude-opus-5  in 3 · read 9000 · write 0 · out 80  $0.0065  1.4s  ‹ explore  › → Agent
  └ tool Agent  16.5s  ‹ {\"prompt\":\"l…  › Found 3 file…
    └ agent Explore  16.4s  ‹ look  › Found 3 file…
      ├ generation chat  claude-haiku-4-5-20251001  in 2000 · read 0 · write 3000 · out 60  $0.0060  2.4s  ‹ look  › → Glob
      ├ tool Glob  100ms  ‹ {\"pattern\":\"…  › a.rs⏎b.rs⏎c.…
      └ generation chat  claude-haiku-4-5-20251001  in 10 · read 5000 · write 0 · out 40  $0.0007  13.8s  ‹ a.rs⏎b.rs⏎c.…  › Found 3 file…
";
    assert_eq!(render_with(&rows_of("turn-subagent"), Some(12)), expected);
}

#[test]
fn tool_calls_are_rendered_only_in_the_nested_form() {
    for (name, nested, tool) in [
        ("io-tool-calls", false, "Bash"),
        ("io-tool-calls-arguments-object", false, "Read"),
        ("io-tool-calls-nested", true, "Read"),
    ] {
        let rows = rows_of(name);
        let output = rows[0].output_json().unwrap();
        assert_eq!(tool_calls_are_rendered(&output), nested, "{name}");
        let shown = render_with(&rows, Some(60));
        assert!(shown.contains(&format!("→ {tool}")), "{shown}");
    }
}

#[test]
fn a_snapshot_has_everything_once() {
    let expected = "\
session 0b0f6a1e-6f0f-4a3b-9a55-2d0d9a1c7e01
trace 71ea5f5b962198c5d0532765e7e92cdd Claude Code turn
  environment: local
  metadata.git_branch: main
  metadata.project: demo
  session: 0b0f6a1e-6f0f-4a3b-9a55-2d0d9a1c7e01
  tags: claude-code, interrupted
  trace name: Claude Code turn
  user: dev@example.com
  version: 2.1.7
";
    let shown = snapshot(&rows_of("turn-interrupted"));
    assert!(shown.starts_with(expected), "{shown}");
    assert_eq!(shown.matches("metadata.project: demo").count(), 1, "{shown}");
    let differing = snapshot(&rows_of("different-trace-attributes"));
    assert!(
        differing.contains("  user: u1\n") && differing.contains("    user: u2\n"),
        "{differing}"
    );
    let handed_down = snapshot(&rows_of("trace-attributes-root-only"));
    assert!(handed_down.contains("      session: (absent)\n"), "{handed_down}");
    let twice = snapshot(&rows_of("scope-other"));
    assert!(twice.contains("attributes: 4 stored again"), "{twice}");
    assert!(snapshot(&rows_of("input-20k")).contains("… (20000 characters)"));
}

#[test]
fn rows_with_odd_parents_are_all_shown_and_marked() {
    let marked = |name: &str, marks: &[&str]| {
        let (rows, shown) = (rows_of(name), snapshot(&rows_of(name)));
        let lines =
            shown.lines().filter(|line| line.ends_with(" ms") || line.ends_with(')')).count();
        assert!(lines >= rows.len() && marks.iter().all(|mark| shown.contains(mark)), "{shown}");
    };
    marked(
        "cycle",
        &["b7ad6b7169203331 0..1000 ms", "00f067aa0ba902b7 0..1000 ms", "(in a circle)"],
    );
    marked("parent-self", &["(in a circle)"]);
    marked("parent-unknown", &["(parent ffffffffffffffff is not here)"]);
    marked("parent-other-trace", &["(parent b7ad6b7169203331 is not here)"]);
    marked("again-other-start", &["(this span id again, with another start)"]);
    marked("two-roots", &["├ span n", "└ span n"]);
}
