//! Rows and names that are valid but unusual.

use std::collections::BTreeSet;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use super::long::LongSession;
use super::oracle::{in_order, same_rows, undisturbed};
use crate::sandbox::{Received, Sandbox, Session};

const RECORDING: &str = "v2.1.330/stream-multi";

/// The spans of a hook and of a replay of a changed recording; both are the same.
fn rows_of(change: impl Fn(&mut Vec<String>)) -> Vec<Row> {
    let run = |deliver: fn(&Session<'_>)| {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let mut session = sandbox.session(RECORDING);
        change(&mut session.recording.sessions[0].lines);
        deliver(&session);
        mock.assert_nothing_lost();
        in_order(&sandbox, "odd");
        mock.rows()
    };
    let replayed = run(|session| drop(session.whole().replay(&[]).exits(0)));
    let hooked = run(|session| {
        let rows = session.transcript().lines.len();
        for share in 1..=4 {
            session.grow(rows * share / 4).end();
        }
    });
    same_rows(&hooked, &replayed, "by hooks and by replay");
    replayed
}

fn change_each(lines: &mut [String], change: impl Fn(usize, &mut Value)) {
    for (number, line) in lines.iter_mut().enumerate() {
        let mut row: Value = serde_json::from_str(line).unwrap();
        change(number, &mut row);
        *line = format!("{row}\n");
    }
}

#[test]
fn line_ends_of_windows_and_empty_lines_change_nothing() {
    let rows =
        rows_of(|lines| lines.iter_mut().for_each(|line| *line = line.replace('\n', "\r\n\r\n")));
    same_rows(&rows, &undisturbed(RECORDING), "line ends");
}

#[test]
fn a_byte_order_mark_costs_at_most_its_row() {
    let rows = rows_of(|lines| lines.insert(0, "\u{feff}{\"type\":\"mode\"}\n".to_owned()));
    same_rows(&rows, &undisturbed(RECORDING), "a mark");
}

#[test]
fn duplicate_rows_are_sent_once() {
    let rows = rows_of(|lines| {
        *lines = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect()
    });
    let ids = |rows: &[Row]| rows.iter().map(|row| row.span_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&rows), ids(&undisturbed(RECORDING)));
}

#[test]
fn missing_and_circular_parents_change_nothing() {
    let strays: [fn(&mut Value); 3] = [
        |row| row["parentUuid"] = row["uuid"].clone(),
        |row| row["parentUuid"] = json!("00000000-0000-4000-8000-000000000000"),
        |row| row["parentUuid"] = json!({"not": "an id"}),
    ];
    for stray in strays {
        let rows = rows_of(|lines| change_each(lines, |_, row| stray(row)));
        same_rows(&rows, &undisturbed(RECORDING), "parents");
    }
}

#[test]
fn missing_wrong_or_unordered_times_lose_no_span() {
    // Times go backwards every four rows.
    fn backwards(number: usize) -> Value {
        let second = number / 4 * 4 + 3 - number % 4;
        json!(format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60))
    }
    let times: [fn(usize) -> Value; 4] = [
        backwards,
        |number| match number % 3 {
            0 => Value::Null,
            _ => backwards(number),
        },
        |number| match number {
            0..4 => json!("2026-01-01T00:00:00Z"),
            _ => json!("yesterday"),
        },
        |_| json!("2100-01-01T00:00:00Z"),
    ];
    for time in times {
        let rows = rows_of(|lines| {
            change_each(lines, |number, row| {
                // An opening row older than the queue operation above it belongs to another session.
                if row.get("message").is_some() {
                    row["timestamp"] = time(number);
                }
            })
        });
        assert!(rows.iter().all(|row| row.end_ms >= row.start_ms));
        assert_eq!(
            rows.len(),
            undisturbed(RECORDING).len(),
            "{:?}",
            rows.iter().map(|row| &row.name).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_turn_whose_first_row_has_no_time_is_sent() {
    // The session's first rows, and each prompt.
    let untimed: [fn(usize, &Value) -> bool; 3] = [
        |number, _| number < 6,
        |_, row| row["type"] == "user",
        |number, row| number < 6 || row["type"] == "user",
    ];
    for untimed in untimed {
        let rows = rows_of(|lines| {
            change_each(lines, |number, row| {
                if untimed(number, row) {
                    row.as_object_mut().unwrap().remove("timestamp");
                }
            })
        });
        let ids =
            |rows: &[Row]| -> BTreeSet<_> { rows.iter().map(|row| row.span_id.clone()).collect() };
        assert_eq!(ids(&rows), ids(&undisturbed(RECORDING)));
    }
}

#[test]
fn a_model_call_with_its_id_in_two_turns_is_in_both_traces() {
    fn change(lines: &mut [String]) {
        change_each(lines, |_, row| {
            if row["message"]["id"].is_string() {
                row["message"]["id"] = json!("msg_of_all");
            }
        });
    }
    let rows = rows_of(|lines| change(lines));
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut session = sandbox.session(RECORDING);
    change(&mut session.recording.sessions[0].lines);
    (0..3).for_each(|stop| drop(session.answered(stop).stop(stop)));
    session.whole().end();
    same_rows(&mock.rows(), &rows, "by the hook of each turn");
    let calls = rows.iter().filter(|row| row.kind == "GENERATION").count();
    assert_eq!(calls, 3);
}

#[test]
fn a_path_with_spaces_line_ends_and_dots_is_a_path() {
    for folder in ["with spaces", "with\na line end", "smile \u{1f600}", "up/../and down"] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        std::fs::create_dir_all(sandbox.projects().join("up")).unwrap();
        let mut session = LongSession::in_folder(sandbox.projects().join(folder));
        session.turn(100);
        sandbox.raw_hook(session.event("SessionEnd").as_bytes()).silent();
        assert_eq!(mock.answers().len(), 1, "{folder:?}");
        assert!(sandbox.log().lines().all(|line| line.contains(" INFO ")), "{}", sandbox.log());
    }
}

#[test]
fn a_session_id_of_any_form_is_a_session() {
    for id in ["../../../up", "", "a/b", "\u{1f980}", "with space", &"x".repeat(10_000)] {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let mut session = LongSession::new(&sandbox);
        session.turn(100);
        id.clone_into(&mut session.id);
        let ran = sandbox.raw_hook(session.event("SessionEnd").as_bytes()).silent();
        drop(ran);
        assert!(mock.requests().len() <= 1, "{id}");
        in_order(&sandbox, id);
    }
}

#[test]
fn a_path_that_is_not_utf_8_is_read_kept_and_shown() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = sandbox.session("v2.1.330/simple");
    session.whole();
    let folder = session.path().parent().unwrap().to_owned();
    let odd = folder.with_file_name(OsStr::from_bytes(b"-home-\xff"));
    std::fs::rename(folder, odd).unwrap();
    sandbox.run(&["replay", session.id()]).exits(0);
    let rows = mock.rows();
    assert!(!rows.is_empty());
    let requests = mock.exports().len();
    sandbox.run(&["replay", session.id()]).exits(0);
    assert_eq!(mock.exports().len(), requests, "the cursor was not kept");
    for command in [&["sessions", "--json"][..], &["status", "--json"], &["config", "--json"]] {
        sandbox.run(command).exits(0).json();
    }
}

#[test]
fn absurd_times_and_numbers_count_as_missing() {
    let rows = |text: &str, by: &str| {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        let mut session = sandbox.session("v2.1.330/stream-multi");
        session.recording = session.recording.replaced(text, by);
        session.whole().replay(&[]).exits(0);
        mock.rows()
    };
    let usual = rows("", "");
    let tokens = usual.iter().flat_map(|row| row.usage.values()).max().copied().unwrap();
    for absurd in ["-5", "18446744073709551615", "1e300", "4000000000000"] {
        let rows = rows("\"output_tokens\":", &format!("\"output_tokens\":{absurd},\"was\":"));
        assert_eq!(rows.len(), usual.len(), "{absurd}");
        assert!(
            rows.iter().flat_map(|row| row.usage.values()).all(|count| *count <= tokens),
            "{absurd}"
        );
    }
}
