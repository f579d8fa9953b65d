//! Memory for rows of any length: at most twice the longest needed one, for any content and number of rows.

use std::sync::OnceLock;

use langfuse_mock::MockLangfuse;
use serde_json::{Value, json};

use super::long::LongSession;
use super::oracle::undisturbed;
use crate::sandbox::{Received, Sandbox};

const MEGABYTE: usize = 1024 * 1024;
/// Length of one long row.
const LENGTH: usize = 8 * MEGABYTE;
/// Variation between runs: the pages of the program's own file that the kernel maps.
const NOISE: usize = 3 * MEGABYTE;

/// Memory of a run without long rows. Measured: without optimisation most of it are pages of the program's own file.
fn usual() -> usize {
    static USUAL: OnceLock<usize> = OnceLock::new();
    *USUAL.get_or_init(|| peak_of(Rows::default()).0 + NOISE)
}

/// Text with characters that need escapes.
fn text(length: usize) -> String {
    "He said \"no\",\n\tand went. ü ".repeat(length / 28)
}

/// The rows of a turn, with a slot for a long text in each.
struct Rows {
    prompt: Value,
    thinking: String,
    input: Value,
    result: Value,
    answer: String,
    /// Unescaped, beside the other texts.
    line: Vec<u8>,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            prompt: json!("Do it"),
            thinking: "Hm".to_owned(),
            input: json!({"command": "ls"}),
            result: json!("a\nb"),
            answer: "Done".to_owned(),
            line: Vec::new(),
        }
    }
}

impl Rows {
    fn write(self, session: &LongSession) {
        let row = |number: u8, fields: Value| {
            let mut row = json!({"parentUuid": null, "isSidechain": false, "version": "2.1.330", "sessionId": session.id,
                "uuid": format!("00000000-0000-4000-8000-0000000000{number:02}"),
                "timestamp": format!("2026-01-01T00:00:{number:02}Z")});
            let all = row.as_object_mut().unwrap();
            all.extend(fields.as_object().unwrap().clone());
            format!("{row}\n")
        };
        let answer = |number: u8, id: &str, stop: &str, block: Value| {
            let message = json!({"id": id, "role": "assistant", "model": "claude-opus-5-5", "content": [block],
                "stop_reason": stop, "usage": {"input_tokens": 1, "output_tokens": 2}});
            row(number, json!({"message": message, "type": "assistant"}))
        };
        let tool = json!({"type": "tool_use", "id": "t", "name": "Bash", "input": self.input});
        let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": self.result}]);
        let user = |content: Value| json!({"type": "user", "message": {"role": "user", "content": content}});
        session.append(&row(1, user(self.prompt)));
        session.append_bytes(&self.line);
        session.append(&answer(
            2,
            "m1",
            "tool_use",
            json!({"type": "thinking", "thinking": self.thinking}),
        ));
        session.append(&answer(3, "m1", "tool_use", tool));
        session.append(&row(4, user(result)));
        session.append(&answer(5, "m2", "end_turn", json!({"type": "text", "text": self.answer})));
        session.append(&row(6, json!({"type": "system", "subtype": "stop_hook_summary"})));
    }
}

/// The peak memory in bytes of a replay of one turn, and the request bodies that the server received.
fn peak_of(rows: Rows) -> (usize, MockLangfuse) {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let session = LongSession::new(&sandbox);
    rows.write(&session);
    let path = session.path.to_str().unwrap();
    let (ran, peak) = sandbox.start(&["replay", path], b"").end_with_peak();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    mock.assert_nothing_lost();
    (peak * 1024, mock)
}

fn costs_at_most(what: &str, allowed: usize, rows: Rows) -> MockLangfuse {
    let (peak, mock) = peak_of(rows);
    assert!(peak < allowed, "{what}: {} MB", peak / MEGABYTE);
    assert_eq!(mock.rows().len(), 4, "{what}");
    mock
}

/// A row with a text that the CLI gave the model, and a slot for a fault.
fn broken_row(place: &[u8]) -> Vec<u8> {
    let text = text(LENGTH).replace(['"', '\n', '\t'], " ");
    [
        br#"{"type":"user","isMeta":true,"uuid":"u","message":{"content":""#,
        place,
        text.as_bytes(),
        b"\"}}\n",
    ]
    .concat()
}

fn part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

type Change = fn(&mut Rows);

#[test]
fn a_long_text_in_any_place_costs_the_length_of_its_row_once() {
    let kinds: [(&str, Change); 6] = [
        ("a prompt", |rows| rows.prompt = json!(text(LENGTH))),
        ("thinking", |rows| rows.thinking = text(LENGTH)),
        ("a tool's input", |rows| {
            rows.input = json!({"file_path": "/a", "content": text(LENGTH)});
        }),
        ("a tool's result", |rows| rows.result = json!(text(LENGTH))),
        ("an image", |rows| {
            let data = "iVBORw0KGgo".repeat(LENGTH / 11);
            let source = json!({"type": "base64", "media_type": "image/png", "data": data});
            rows.result = json!([{"type": "image", "source": source}]);
        }),
        ("an answer", |rows| rows.answer = text(LENGTH)),
    ];
    for (what, change) in kinds {
        let mut rows = Rows::default();
        change(&mut rows);
        costs_at_most(what, usual() + LENGTH * 3 / 2, rows);
    }
}

#[test]
fn any_other_long_row_costs_at_most_twice_its_length() {
    let kinds: [(&str, Change); 5] = [
        ("a prompt of parts", |rows| {
            rows.prompt = json!([part("A"), part(&text(LENGTH / 2)), part(&text(LENGTH / 2))]);
        }),
        ("an input of many parts", |rows| {
            rows.input = json!({"numbers": vec![1; LENGTH / 2]});
        }),
        ("a result of many parts", |rows| {
            rows.result = (0..LENGTH / 60_000).map(|_| part(&text(60_000))).collect();
        }),
        ("half a character", |rows| rows.line = broken_row(b"\\ud800")),
        ("what is no UTF-8", |rows| rows.line = broken_row(b"\xff")),
    ];
    for (what, change) in kinds {
        let mut rows = Rows::default();
        change(&mut rows);
        costs_at_most(what, usual() + 6 * MEGABYTE + 2 * LENGTH, rows);
    }
}

#[test]
fn several_long_rows_of_a_turn_cost_no_more_than_the_longest() {
    let length = LENGTH / 2;
    let rows = Rows {
        prompt: json!(text(length)),
        thinking: text(length),
        input: json!({"content": text(length)}),
        result: json!(text(length)),
        answer: text(length),
        line: Vec::new(),
    };
    costs_at_most("several", usual() + 10 * MEGABYTE + 2 * length, rows);
}

#[test]
fn a_long_skipped_row_costs_no_memory() {
    for head in [
        "{\"type\":\"file-history-snapshot\",\"x\":\"",
        "{\"parentUuid\":null,\"type\":\"hologram\",\"x\":\"",
        "{\"parentUuid\":null,\"attachment\":{\"type\":\"todo_list\",\"x\":\"",
    ] {
        let line = format!("{head}{}\"}}\n", "x".repeat(100 * MEGABYTE));
        let rows = Rows { line: line.into_bytes(), ..Rows::default() };
        costs_at_most(head, usual(), rows);
    }
}

/// The rows of a call that writes a text and receives it back.
fn call(number: usize, text: &str) -> String {
    let input = json!({"type": "tool_use", "id": format!("t{number}"), "name": "Write", "input": {"content": text}});
    let answer = json!({"type": "assistant", "uuid": format!("answer-{number}"), "timestamp": "2026-01-01T00:00:01Z", "message": {"id": format!("call{number}"),
        "model": "claude-opus-5-5", "content": [input], "stop_reason": "tool_use"}});
    let result =
        json!({"type": "tool_result", "tool_use_id": format!("t{number}"), "content": text});
    let user = json!({"type": "user", "uuid": format!("result-{number}"), "timestamp": "2026-01-01T00:00:02Z",
        "message": {"content": [result]}});
    format!("{answer}\n{user}\n")
}

#[test]
fn a_turn_of_many_rows_costs_its_texts_once() {
    let (count, length) = (200, 20_000);
    let texts = 2 * count * length;
    let line: String = (0..count).map(|number| call(number, &text(length))).collect();
    let (peak, mock) = peak_of(Rows { line: line.into_bytes(), ..Rows::default() });
    assert_eq!(mock.rows().len(), 4 + 2 * count);
    let most = usual() + 2 * texts;
    assert!(peak < most, "{} of {} MB", peak / MEGABYTE, most / MEGABYTE);
}

#[test]
fn a_long_answer_of_an_agent_costs_the_length_of_its_row_once() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let mut session = sandbox.session("v2.1.330/subagent");
    let spans = undisturbed("v2.1.330/subagent").len();
    let rows = &mut session.recording.agents[0].lines;
    let is_answer = |row: &Value| row["message"]["content"][0]["type"] == "text";
    let last = rows.iter_mut().rev().find_map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["type"] == "assistant" && is_answer(&row)).then_some((line, row))
    });
    let (line, mut row) = last.unwrap();
    row["message"]["content"][0]["text"] = json!(text(LENGTH));
    *line = format!("{row}\n");
    let path = session.whole().argument();
    let (ran, peak) = sandbox.start(&["replay", &path], b"").end_with_peak();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(mock.rows().len(), spans);
    let allowed = usual() + LENGTH * 3 / 2;
    assert!(peak * 1024 < allowed, "{} MB", peak / 1024);
}

#[test]
fn many_sessions_cost_no_more_than_one() {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let folder = sandbox.projects().join("-home-dev-project");
    let paths: Vec<String> = (0..20)
        .map(|number| {
            let mut session = LongSession::numbered(folder.clone(), number);
            session.turn(MEGABYTE);
            session.path.display().to_string()
        })
        .collect();
    let paths = paths.iter().map(String::as_str);
    let arguments: Vec<&str> = ["replay"].into_iter().chain(paths).collect();
    let (ran, peak) = sandbox.start(&arguments, b"").end_with_peak();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(mock.answers().len(), 20);
    assert!(peak * 1024 < usual() + 4 * MEGABYTE, "{} MB", peak / 1024);
}
