//! A file that Claude Code rewrites in the middle of a turn: remaining rows of earlier turns stay theirs, and acknowledged
//! spans keep their place.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{FIRST, Place, answer, prompt, row, sessions, two_turns};

/// An id of a router that imitates the API.
const CONSTANT_ID: &str = "msg_01QA4ENWgTYCeBCKXWsk25sW";
const CONSTANT_TOOL: &str = "toolu_01QA4ENWgTYCeBCKXWsk2001";

fn with_tool(mut call: Value, tool: &str, command: &str) -> Value {
    let block =
        json!({"type": "tool_use", "id": tool, "name": "Bash", "input": {"command": command}});
    call["message"]["content"] = json!([block]);
    call["message"]["stop_reason"] = "tool_use".into();
    call
}

fn of_request(mut call: Value, id: &str, request: &str) -> Value {
    call["message"]["id"] = id.into();
    call["requestId"] = request.into();
    call
}

fn result(uuid: &str, second: usize, tool: &str) -> Value {
    let result = json!([{"type": "tool_result", "tool_use_id": tool, "content": "done"}]);
    let message = json!({"type": "user", "message": {"role": "user", "content": result}});
    row(FIRST, uuid, second, message)
}

fn summary(second: usize, turn: Option<&str>) -> [Value; 2] {
    let boundary = json!({"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "auto"}});
    let mut summary = json!({
        "type": "user", "isCompactSummary": true, "message": {"role": "user", "content": "So far."},
    });
    if let Some(turn) = turn {
        summary["summarizedTurnPromptUuids"] = json!([turn]);
    }
    [row(FIRST, "b", second, boundary), row(FIRST, "s", second, summary)]
}

/// The first turn, and the part of the second one before the rewrite.
fn before() -> Vec<Value> {
    let call = with_tool(answer(FIRST, "w", 4, ""), "toolu_w", "one");
    vec![
        prompt(FIRST, "p1", 1, "One?"),
        answer(FIRST, "a1", 2, "One."),
        prompt(FIRST, "p2", 3, "Two?"),
        call,
        result("r", 5, "toolu_w"),
    ]
}

#[test]
fn a_kept_opening_row_of_an_earlier_turn_opens_no_turn_again() {
    let before = before();
    for turn in [Some("p2"), None] {
        let kept = [&before[..2], &before[3..]].concat();
        let rest = [
            answer(FIRST, "a2", 8, "Two."),
            prompt(FIRST, "p3", 10, "Three?"),
            answer(FIRST, "a3", 11, "Three."),
        ];
        let after = [kept, summary(6, turn).to_vec(), rest.to_vec()].concat();
        for seen in [7, 9] {
            let place = Place::new();
            place.stop(FIRST, &before[..2], "One.");
            place.replay(FIRST, &before);
            let sent = place.mock.accepted_spans().len();
            place.end(FIRST, &after[..seen]);
            place.end(FIRST, &after);
            let first =
                place.mock.rows().into_iter().find(|row| row.input.as_deref() == Some("One?"));
            let trace = first.unwrap().trace_id;
            let again = place.mock.accepted_spans().split_off(sent);
            let again = again.iter().filter(|row| row.trace_id == trace).count();
            assert_eq!(again, 0, "{turn:?} {seen}: the first turn was sent again");
            assert_eq!(place.by_session()[FIRST].len(), 3, "{turn:?} {seen}");
            assert_eq!(place.numbers().last().map(String::as_str), Some("3"));
            place.assert_calls(4);
        }
    }
}

#[test]
fn rows_before_the_opening_row_that_a_summary_names_belong_to_earlier_turns() {
    let rows = two_turns(FIRST);
    let after = [vec![rows[1].clone()], summary(3, Some("p2")).to_vec(), rows[2..].to_vec()];
    let place = Place::new();
    place.replay(FIRST, &after.concat());
    assert_eq!(place.by_session(), sessions([(FIRST, &["Two."])]));
    place.assert_calls(1);
}

/// The id of an acknowledged call stays taken, even if its rows are gone.
#[test]
fn a_call_with_the_id_of_a_removed_call_is_sent_as_another() {
    let call = |uuid: &str, second: usize, request: &str, command: &str| {
        let call = with_tool(answer(FIRST, uuid, second, ""), CONSTANT_TOOL, command);
        of_request(call, CONSTANT_ID, request)
    };
    let mut before = before();
    before[3] = call("w", 4, "req_1", "one");
    before[4] = result("r", 5, CONSTANT_TOOL);
    let rest = [
        call("w2", 7, "req_2", "two"),
        result("r2", 8, CONSTANT_TOOL),
        of_request(answer(FIRST, "a2", 9, "Two."), CONSTANT_ID, "req_3"),
    ];
    for turn in [Some("p2"), None] {
        let kept = turn.map_or(&before[4..], |_| &[]);
        let after = [kept.to_vec(), summary(6, turn).to_vec(), rest.to_vec()].concat();
        let place = Place::new();
        place.replay(FIRST, &before);
        for seen in 3..=after.len() {
            place.end(FIRST, &after[..seen]);
        }
        let rows = place.mock.rows();
        let calls = rows.iter().filter(|row| row.kind == "GENERATION").count();
        let tools = rows.iter().filter(|row| row.kind == "TOOL");
        let commands: BTreeSet<&str> = tools.filter_map(|row| row.input.as_deref()).collect();
        assert_eq!((calls, commands.len()), (4, 2), "{turn:?} {commands:?}");
        let spans: BTreeSet<&str> = rows.iter().map(|row| row.span_id.as_str()).collect();
        assert_eq!(spans.len(), rows.len(), "{turn:?}: a span with two starts");
    }
}

/// The row that set its start is gone. It is sent again, because it got another row.
#[test]
fn a_call_that_continues_after_a_rewrite_keeps_its_acknowledged_start() {
    let mut before = before();
    before[3] = of_request(before[3].clone(), CONSTANT_ID, "req_1");
    let second = with_tool(answer(FIRST, "w2", 6, ""), "toolu_w2", "two");
    let second = of_request(second, CONSTANT_ID, "req_1");
    let rest = [second, result("r2", 7, "toolu_w2"), answer(FIRST, "a2", 9, "Two.")];
    let after = [before[3..].to_vec(), summary(5, Some("p2")).to_vec(), rest.to_vec()].concat();
    let place = Place::new();
    place.replay(FIRST, &before);
    let start = |place: &Place| {
        let rows = place.mock.rows().into_iter();
        let calls =
            rows.filter(|row| row.output.as_deref().is_some_and(|it| it.contains("toolu_w")));
        calls.map(|row| (row.span_id, row.start_ms)).collect::<Vec<_>>()
    };
    let acknowledged = start(&place);
    assert_eq!(acknowledged.len(), 1);
    place.end(FIRST, &after);
    assert_eq!(start(&place), acknowledged);
    let rows = place.mock.rows();
    let call = rows.iter().find(|row| row.span_id == acknowledged[0].0).unwrap();
    assert!(call.output.as_deref().unwrap().contains("toolu_w2"), "{call:?}");
}
