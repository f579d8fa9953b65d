//! Copied rows, rows of other sessions and repeated history: each turn arrives once, in its own session.

mod reported;
mod rewritten;

use std::collections::BTreeMap;

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use crate::sandbox::{Received, Sandbox, is_turn};

const FIRST: &str = "11111111-2222-4333-8444-555555555555";
const COPY: &str = "66666666-2222-4333-8444-555555555555";
const FOLDER: &str = ".claude/projects/-home-dev-project";

/// A row of a release before 2.1.330, at a second of the hour.
fn row(session: &str, uuid: &str, second: usize, content: Value) -> Value {
    let mut row = json!({
        "parentUuid": null, "isSidechain": false, "type": content["type"], "uuid": uuid, "sessionId": session,
        "timestamp": format!("2024-10-05T21:{:02}:{:02}.000Z", second / 60, second % 60),
        "cwd": "/home/dev/project", "version": "2.1.250",
    });
    for (name, value) in content.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn prompt(session: &str, uuid: &str, second: usize, text: &str) -> Value {
    let message = json!({"role": "user", "content": text});
    row(
        session,
        uuid,
        second,
        json!({"type": "user", "promptId": format!("prompt-{uuid}"), "message": message}),
    )
}

fn answer(session: &str, uuid: &str, second: usize, text: &str) -> Value {
    let message = json!({
        "id": format!("msg_of_{uuid}"), "role": "assistant", "model": "claude-opus-4-8", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 10, "output_tokens": 1},
    });
    row(session, uuid, second, json!({"type": "assistant", "message": message}))
}

fn with(mut row: Value, name: &str, value: &str) -> Value {
    row[name] = value.into();
    row
}

/// Two answered turns.
fn two_turns(session: &str) -> Vec<Value> {
    vec![
        prompt(session, "p1", 1, "One?"),
        answer(session, "a1", 2, "One."),
        prompt(session, "p2", 3, "Two?"),
        answer(session, "a2", 4, "Two."),
    ]
}

fn in_background(rows: Vec<Value>) -> Vec<Value> {
    rows.into_iter().map(|row| with(row, "sessionKind", "bg")).collect()
}

fn text(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

struct Place {
    mock: MockLangfuse,
    sandbox: Sandbox,
}

impl Place {
    fn new() -> Self {
        let mock = MockLangfuse::start();
        let sandbox = Sandbox::traced(&mock);
        Self { mock, sandbox }
    }

    fn write(&self, session: &str, rows: &[Value]) -> String {
        let path = self.sandbox.write(&format!("{FOLDER}/{session}.jsonl"), text(rows).as_bytes());
        path.to_str().unwrap().to_owned()
    }

    fn replay(&self, session: &str, rows: &[Value]) {
        let path = self.write(session, rows);
        self.sandbox.run(&["replay", &path]).exits(0);
    }

    /// Runs a Stop hook with these rows.
    fn stop(&self, session: &str, rows: &[Value], last: &str) {
        let event = json!({
            "hook_event_name": "Stop", "session_id": session, "transcript_path": self.write(session, rows),
            "last_assistant_message": last,
        });
        self.sandbox.start(&["hook"], format!("{event}\n").as_bytes()).end().silent();
    }

    fn end(&self, session: &str, rows: &[Value]) {
        let event = json!({
            "hook_event_name": "SessionEnd", "session_id": session, "transcript_path": self.write(session, rows),
        });
        self.sandbox.start(&["hook"], format!("{event}\n").as_bytes()).end().silent();
    }

    fn turns(&self) -> Vec<Row> {
        let mut turns: Vec<Row> = self.mock.rows().into_iter().filter(is_turn).collect();
        turns.sort_by_key(|turn| turn.start_ms);
        turns
    }

    /// The answers of each session's turns.
    fn by_session(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for turn in self.turns() {
            let answers = all.entry(turn.session_id.unwrap_or_default()).or_default();
            answers.push(turn.output.unwrap_or_default().replace("[no answer]", ""));
        }
        all
    }

    fn numbers(&self) -> Vec<String> {
        self.turns().iter().map(|turn| turn.metadata["turn_number"].clone()).collect()
    }

    /// Each call arrives once, and none is sent again.
    fn assert_calls(&self, count: usize) {
        let rows = self.mock.rows();
        assert_eq!(rows.iter().filter(|row| row.kind == "GENERATION").count(), count);
        assert_eq!(self.mock.generations_sent(), count);
    }
}

fn sessions<const N: usize>(all: [(&str, &[&str]); N]) -> BTreeMap<String, Vec<String>> {
    let owned = |answers: &[&str]| answers.iter().map(|answer| (*answer).to_owned()).collect();
    all.into_iter().map(|(session, answers)| (session.to_owned(), owned(answers))).collect()
}

#[test]
fn turns_from_before_a_session_went_to_the_background_stay_the_first_sessions() {
    let first = two_turns(FIRST);
    let mut copy = two_turns(COPY);
    copy.extend([prompt(COPY, "p3", 5, "Three?"), answer(COPY, "a3", 6, "Three.")]);
    let copy = in_background(copy);
    let place = Place::new();
    place.replay(FIRST, &first);
    place.replay(COPY, &copy);
    assert_eq!(place.by_session(), sessions([(FIRST, &["One.", "Two."]), (COPY, &["Three."])]));
    place.assert_calls(3);
    // By hooks; the first one sees only copies.
    let place = Place::new();
    place.write(FIRST, &first);
    for rows in 1..copy.len() {
        place.stop(COPY, &copy[..rows], "Three.");
    }
    assert_eq!(place.turns(), []);
    place.end(COPY, &copy);
    assert_eq!(place.by_session(), sessions([(COPY, &["Three."])]));
}

#[test]
fn a_turn_that_continues_in_the_background_has_one_trace_with_its_answer() {
    let work = |session: &str| {
        let tool = json!([{"type": "tool_use", "id": "toolu_w", "name": "Bash", "input": {}}]);
        let mut call = answer(session, "w", 4, "");
        call["message"]["content"] = tool;
        call["message"]["stop_reason"] = "tool_use".into();
        call
    };
    let mut first = two_turns(FIRST);
    first.truncate(3);
    first.push(work(FIRST));
    first.push(json!({"type": "continued-in", "sessionId": FIRST, "continuedInSessionId": COPY}));
    let mut copy = two_turns(COPY);
    copy.truncate(3);
    copy[1] = with(copy[1].clone(), "requestSessionId", FIRST);
    copy.push(with(work(COPY), "requestSessionId", FIRST));
    copy.push(answer(COPY, "b", 9, "Two."));
    let copy = in_background(copy);
    // Hooks read the files in the order of writing.
    for (copy_first, by_hooks) in [(false, false), (true, false), (false, true)] {
        let place = Place::new();
        let mut files = [(FIRST, &first), (COPY, &copy)];
        if copy_first {
            files.reverse();
        }
        for (session, rows) in files {
            for seen in (1..rows.len()).filter(|_| by_hooks) {
                place.end(session, &rows[..seen]);
            }
            match by_hooks {
                true => place.end(session, rows),
                false => place.replay(session, rows),
            }
        }
        let answers: Vec<String> =
            place.turns().into_iter().filter_map(|turn| turn.output).collect();
        assert_eq!(answers, ["One.", "Two."], "copy first: {copy_first}, by hooks: {by_hooks}");
        let calls = place.mock.rows().into_iter().filter(|row| row.kind == "GENERATION");
        let turn = &place.turns()[1];
        let (of_turn, others): (Vec<Row>, Vec<Row>) =
            calls.partition(|call| call.trace_id == turn.trace_id);
        assert_eq!((of_turn.len(), others.len()), (2, 1));
    }
}

#[test]
fn rows_of_another_session_are_left_to_a_replay_which_sends_them_as_theirs() {
    let mut rows = two_turns(FIRST);
    rows.extend([prompt(COPY, "q1", 10, "Else?"), answer(COPY, "r1", 11, "Else.")]);
    rows.extend([prompt(FIRST, "p3", 20, "Three?"), answer(FIRST, "a3", 21, "Three.")]);
    let place = Place::new();
    for (seen, last) in [(2, "One."), (4, "Two."), (8, "Three.")] {
        place.stop(FIRST, &rows[..seen], last);
    }
    place.end(FIRST, &rows);
    let own: &[&str] = &["One.", "Two.", "Three."];
    assert_eq!(place.by_session(), sessions([(FIRST, own)]));
    assert_eq!(place.numbers(), ["1", "2", "3"]);
    for _ in 0..2 {
        place.replay(FIRST, &rows);
        assert_eq!(place.by_session(), sessions([(FIRST, own), (COPY, &["Else."])]));
        place.assert_calls(4);
    }
    let place = Place::new();
    place.replay(FIRST, &rows);
    assert_eq!(place.by_session(), sessions([(FIRST, own), (COPY, &["Else."])]));
}

#[test]
fn a_file_that_never_names_its_own_session_is_the_one_that_it_names() {
    let place = Place::new();
    place.replay(COPY, &two_turns(FIRST));
    assert_eq!(place.by_session(), sessions([(FIRST, &["One.", "Two."])]));
}

#[test]
fn history_that_is_appended_again_is_not_sent_again() {
    let third = [prompt(FIRST, "p3", 5, "Three?"), answer(FIRST, "a3", 6, "Three.")];
    let whole = [two_turns(FIRST), two_turns(FIRST), third.to_vec()].concat();
    let place = Place::new();
    for (seen, last) in [(2, "One."), (4, "Two."), (5, "Two."), (7, "Two."), (10, "Three.")] {
        place.stop(FIRST, &whole[..seen], last);
    }
    place.end(FIRST, &whole);
    assert_eq!(place.by_session(), sessions([(FIRST, &["One.", "Two.", "Three."])]));
    assert_eq!(place.numbers(), ["1", "2", "3"]);
    place.assert_calls(3);
    place.replay(FIRST, &whole);
    place.assert_calls(3);
}

#[test]
fn duplicated_rows_are_sent_once() {
    let twice: Vec<Value> =
        two_turns(FIRST).into_iter().flat_map(|row| [row.clone(), row]).collect();
    let once = Place::new();
    once.replay(FIRST, &two_turns(FIRST));
    let place = Place::new();
    place.replay(FIRST, &twice);
    assert_eq!(place.mock.rows(), once.mock.rows());
    let place = Place::new();
    for seen in 1..=twice.len() {
        place.end(FIRST, &twice[..seen]);
    }
    assert_eq!(place.mock.rows(), once.mock.rows());
}

#[test]
fn a_clock_that_steps_back_before_the_first_prompt_loses_no_turn() {
    let queued = json!({
        "type": "queue-operation", "operation": "enqueue", "content": "One?", "sessionId": FIRST,
        "timestamp": "2024-10-05T21:00:01.010Z",
    });
    let rows = [vec![queued], two_turns(FIRST)].concat();
    let place = Place::new();
    place.stop(FIRST, &rows[..3], "One.");
    place.end(FIRST, &rows);
    assert_eq!(place.by_session(), sessions([(FIRST, &["One.", "Two."])]));
    assert_eq!(place.numbers(), ["1", "2"]);
}

/// A fork of a fork, before releases marked copied answers: each fork queues its prompt before it copies.
#[test]
fn forks_of_forks_send_their_own_turns_in_any_order() {
    let ids = [FIRST, COPY, "77777777-2222-4333-8444-555555555555"];
    let files: Vec<Vec<Value>> = (0..3)
        .map(|generation| {
            let session = ids[generation];
            let turn = |number: usize| {
                let (uuid, second) = (number.to_string(), number * 10);
                let text = format!("{number}?");
                // The forks' own first prompts were never answered.
                let mut rows = vec![prompt(session, &format!("u{uuid}"), second, &text)];
                rows.push(prompt(session, &format!("p{uuid}"), second + 1, &text));
                rows.push(answer(session, &format!("a{uuid}"), second + 2, &format!("{number}.")));
                rows
            };
            let queued = json!({
                "type": "queue-operation", "operation": "enqueue", "content": format!("{generation}?"),
                "sessionId": session, "timestamp": format!("2024-10-05T21:00:{:02}.000Z", generation * 10),
            });
            let turns = (0..=generation).flat_map(turn).collect();
            [vec![queued], turns].concat()
        })
        .collect();
    let expected = sessions([(ids[0], &["", "0."]), (ids[1], &["", "1."]), (ids[2], &["", "2."])]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let place = Place::new();
        for file in order {
            place.replay(ids[file], &files[file]);
        }
        assert_eq!(place.by_session(), expected, "{order:?}");
        place.assert_calls(3);
        let place = Place::new();
        for file in order {
            for seen in 1..=files[file].len() {
                place.end(ids[file], &files[file][..seen]);
            }
        }
        assert_eq!(place.by_session(), expected, "{order:?} by hooks");
        place.assert_calls(3);
    }
}

/// A compaction rewrites the file in mid-turn: without the turn's opening row, with some rows of the previous turn.
#[test]
fn rows_that_a_rewrite_keeps_of_earlier_turns_are_not_sent_again() {
    let tool = |second: usize| {
        let mut call = answer(FIRST, "w", second, "");
        let block = json!({"type": "tool_use", "id": "toolu_w", "name": "Bash", "input": {}});
        call["message"]["content"] = json!([block]);
        call["message"]["stop_reason"] = "tool_use".into();
        call
    };
    let result = json!([{"type": "tool_result", "tool_use_id": "toolu_w", "content": "done"}]);
    let result = json!({"type": "user", "message": {"role": "user", "content": result}});
    let before = vec![
        prompt(FIRST, "p1", 1, "One?"),
        answer(FIRST, "a1", 2, "One."),
        prompt(FIRST, "p2", 3, "Two?"),
        tool(4),
        row(FIRST, "r", 5, result),
    ];
    let summary = json!({
        "type": "user", "isCompactSummary": true, "message": {"role": "user", "content": "So far."},
        "summarizedTurnPromptUuids": ["p2"],
    });
    let boundary = json!({"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "auto"}});
    for names_turn in [true, false] {
        let mut summary = summary.clone();
        if !names_turn {
            summary.as_object_mut().unwrap().remove("summarizedTurnPromptUuids");
        }
        let after = vec![
            before[1].clone(),
            before[3].clone(),
            before[4].clone(),
            row(FIRST, "b", 6, boundary.clone()),
            row(FIRST, "s", 6, summary),
            answer(FIRST, "a2", 8, "Two."),
            prompt(FIRST, "p3", 10, "Three?"),
            answer(FIRST, "a3", 11, "Three."),
        ];
        for seen in [6, 8] {
            let place = Place::new();
            place.stop(FIRST, &before[..2], "One.");
            place.replay(FIRST, &before);
            place.end(FIRST, &after[..seen]);
            place.end(FIRST, &after);
            let rows = place.mock.rows();
            let calls = rows.iter().filter(|row| row.kind == "GENERATION");
            let mut outputs: Vec<&str> = calls.filter_map(|row| row.output.as_deref()).collect();
            outputs.sort_unstable();
            assert_eq!(outputs.len(), 4, "{names_turn} {seen} {outputs:?}");
            let traces: std::collections::BTreeSet<&str> =
                rows.iter().map(|row| row.trace_id.as_str()).collect();
            assert_eq!(traces.len(), 3, "{names_turn} {seen}");
            assert_eq!(place.numbers().last().map(String::as_str), Some("3"));
        }
    }
}
