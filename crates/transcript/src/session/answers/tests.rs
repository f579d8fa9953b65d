//! Rows of one answer, and of several that look alike.

use std::rc::Rc;

use base::Timestamp;
use serde_json::json;

use crate::session::Activity;
use crate::{AssistantMessage, Block, Entry, Header, Record, Request, ToolResult, ToolUse};

const TRUSTED: &str = "msg_01QA4ENWgTYCeBCKXWsk25sW";
const TOOL: &str = "toolu_01xEY9FrXvtAE23Bd45erybu";

/// Rows a second apart, named by their numbers.
#[derive(Default)]
struct Rows {
    activity: Activity,
    count: u64,
}

impl Rows {
    fn add(mut self, record: Record, parent: Option<&str>) -> Self {
        let entry = Entry {
            offset: self.count,
            end: self.count + 1,
            at: None,
            uuid: Some(self.count.to_string()),
            header: Header { parent: parent.map(str::to_owned), ..Header::default() },
            record,
        };
        self.activity.push(entry, Timestamp::from_millis(self.count * 1000));
        self.count += 1;
        self
    }

    fn answer(self, id: &str, block: Block, change: impl FnOnce(&mut AssistantMessage)) -> Self {
        let mut answer = AssistantMessage {
            message_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
            blocks: vec![block],
            ..AssistantMessage::default()
        };
        answer.usage.output = 1;
        change(&mut answer);
        self.add(Record::Assistant(answer), None)
    }

    fn says(self, id: &str, text: &str) -> Self {
        self.answer(id, Block::Text(text.to_owned()), |_| {})
    }

    fn asks(self, id: &str, tool: &str) -> Self {
        self.answer(id, call(tool), |_| {})
    }

    fn of_request(self, id: &str, block: Block, request: &str, index: u64) -> Self {
        self.answer(id, block, |answer| {
            answer.request_ref = Some(request.to_owned());
            answer.block_index = Some(index);
        })
    }

    fn result(self, tool: &str, content: &str, parent: Option<&str>) -> Self {
        let result = ToolResult {
            tool_use_id: tool.to_owned(),
            content: vec![Block::Text(content.to_owned())],
            ..ToolResult::default()
        };
        let (results, beside) = (vec![result], Vec::new());
        self.add(Record::Results { results, beside, asked_by: None }, parent)
    }

    /// The key of each call, with the number of its rows.
    fn calls(&self) -> Vec<(&str, u32)> {
        self.activity.generations.iter().map(|call| (&*call.key, call.rows)).collect()
    }

    fn tools(&self) -> Vec<&str> {
        self.activity.tools.iter().map(|tool| &*tool.key).collect()
    }

    /// The output of each tool.
    fn outputs(&self) -> Vec<String> {
        let results = self.activity.tools.iter().map(|tool| tool.result.as_ref());
        let text = |result: &Rc<ToolResult>| crate::text_of(&result.content);
        results.map(|result| result.map(text).unwrap_or_default()).collect()
    }
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn call(id: &str) -> Block {
    let (id, name) = (id.to_owned(), "Bash".to_owned());
    Block::ToolUse(Rc::new(ToolUse { id, name, input: json!({}) }))
}

#[test]
fn an_answer_without_an_id_lasts_until_a_row_of_the_user() {
    for id in ["", "msg_1", "msg_01XFDUDYJgAACzvnptvVoYEL"] {
        let rows = Rows::default().says(id, "one").asks(id, "t").result("t", "", None);
        let rows = rows.says(id, "two");
        assert_eq!(rows.calls(), [("@0", 2), ("@3", 1)], "{id}");
        assert_eq!(rows.activity.usage().output, 2, "{id}");
    }
}

#[test]
fn a_trusted_id_is_one_call_whatever_lies_between() {
    let rows = Rows::default().asks(TRUSTED, "a").result("a", "", None).asks(TRUSTED, "b");
    assert_eq!(rows.calls(), [(TRUSTED, 2)]);
    assert!(!rows.activity.generations[0].closed, "its third row may come");
}

#[test]
fn a_request_is_one_call_whatever_its_message_id() {
    let rows = Rows::default()
        .of_request(TRUSTED, text("one"), "r1", 0)
        .of_request(TRUSTED, call("a"), "r1", 1)
        .result("a", "", None)
        .of_request(TRUSTED, call("b"), "r1", 3)
        .of_request(TRUSTED, text("two"), "r2", 0)
        .of_request("", text("three"), "r3", 0);
    let second = format!("{TRUSTED}#r2");
    assert_eq!(rows.calls(), [(TRUSTED, 3), (&*second, 1), ("@r3", 1)]);
}

#[test]
fn other_ids_of_requests_and_blocks_that_return_are_other_calls() {
    let asked = |request: &'static str| {
        move |answer: &mut AssistantMessage| answer.request_id = Some(request.to_owned())
    };
    let rows = Rows::default().answer(TRUSTED, text("one"), asked("1"));
    let rows = rows.answer(TRUSTED, text("two"), asked("1")).answer(TRUSTED, text("3"), asked("2"));
    let third = format!("{TRUSTED}#2");
    assert_eq!(rows.calls(), [(TRUSTED, 2), (&*third, 1)]);
    let at = |index: u64| move |answer: &mut AssistantMessage| answer.block_index = Some(index);
    let rows =
        Rows::default().answer(TRUSTED, text("one"), at(0)).answer(TRUSTED, text("2"), at(0));
    let second = format!("{TRUSTED}#1");
    assert_eq!(rows.calls(), [(TRUSTED, 1), (&*second, 1)]);
}

#[test]
fn a_row_that_is_written_twice_counts_once() {
    let rows = Rows::default().asks(TRUSTED, "a").asks(TRUSTED, "a");
    assert_eq!((rows.calls(), rows.tools()), (vec![(TRUSTED, 1)], vec!["@0"]));
    let rows = Rows::default()
        .of_request(TRUSTED, call("a"), "r", 0)
        .result("a", "", None)
        .of_request(TRUSTED, call("a"), "r", 0);
    assert_eq!((rows.calls(), rows.tools()), (vec![(TRUSTED, 1)], vec!["@0"]));
    let rows = Rows::default().of_request("", call("a"), "r", 0).of_request("", call("a"), "r", 1);
    assert_eq!((rows.calls(), rows.tools()), (vec![("@r", 2)], vec!["@0", "@1"]));
}

#[test]
fn tools_with_the_same_id_have_keys_and_results_of_their_own() {
    let rows = Rows::default()
        .asks("a", "call_0")
        .result("call_0", "one", Some("0"))
        .asks("b", "call_0")
        .result("call_0", "two", None);
    assert_eq!(rows.tools(), ["@0", "@2"]);
    assert_eq!(rows.outputs(), ["one", "two"]);
    let repeated = Rows::default().asks("a", TOOL).result(TOOL, "", None).asks("b", TOOL);
    assert_eq!(repeated.tools(), [TOOL, &*format!("{TOOL}#2")]);
}

#[test]
fn a_result_belongs_to_the_row_that_it_names() {
    let rows = Rows::default()
        .of_request("", call("t"), "r", 0)
        .of_request("", call("t"), "r", 1)
        .result("t", "second", Some("1"))
        .result("t", "first", Some("0"));
    assert_eq!(rows.outputs(), ["first", "second"]);
    let blocks = vec![call("t"), text("between"), call("t")];
    let answer = AssistantMessage { blocks, ..AssistantMessage::default() };
    let rows = Rows::default().add(Record::Assistant(answer), None);
    assert_eq!(rows.tools(), ["@0", "@0/3"]);
    let rows = rows.result("t", "first", Some("0")).result("t", "second", Some("0"));
    assert_eq!(rows.outputs(), ["first", "second"]);
}

#[test]
fn a_request_row_after_its_answer_sets_the_start() {
    let request = Request { id: "r".to_owned(), params: json!({"max_tokens": 1}), shape: None };
    let rows = Rows::default().result("t", "", None).add(Record::StopHooks, None);
    let rows = rows.of_request("", text("one"), "r", 0);
    assert_eq!(rows.activity.generations[0].started_at, Timestamp::from_millis(0));
    let mut activity = rows.activity;
    activity.request(request, Timestamp::from_millis(1500));
    assert_eq!(activity.generations[0].started_at, Timestamp::from_millis(1500));
    assert_eq!(activity.failed_requests(), 0);
}

#[test]
fn an_agent_takes_no_id_of_the_call_that_launched_it() {
    let rows = Rows::default().asks(TRUSTED, TOOL);
    let used = rows.activity.ids_used_for(&rows.activity.tools[0]);
    assert_eq!(used, [TRUSTED, TOOL]);
    let agent = Rows { activity: Activity::after(&used), count: 7 }.asks(TRUSTED, TOOL);
    let (call, tool) = (format!("{TRUSTED}#7"), format!("{TOOL}#7"));
    assert_eq!((agent.calls(), agent.tools()), (vec![(&*call, 1)], vec![&*tool]));
}
