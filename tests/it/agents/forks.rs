//! Agents' files with rows of other files: each call is sent once, and no call is a child of an agent that it launched.

use std::collections::{BTreeMap, BTreeSet};

use langfuse_mock::{MockLangfuse, Row};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const SESSION: &str = "11111111-2222-4333-8444-555555555555";
const FOLDER: &str = ".claude/projects/-home-dev-project";

/// The rows of one file, one second apart.
#[derive(Default)]
struct File {
    rows: Vec<Value>,
    /// Time of the first row, in seconds.
    from: usize,
}

impl File {
    fn from(second: usize) -> Self {
        Self { from: second, ..Self::default() }
    }

    fn row(mut self, mut row: Value) -> Self {
        let second = self.from + self.rows.len();
        let time = format!("2024-10-05T21:{:02}:{:02}.000Z", second / 60, second % 60);
        row["timestamp"] = time.into();
        row["uuid"] = format!("{SESSION}-{}-{}", self.from, self.rows.len()).into();
        row["sessionId"] = SESSION.into();
        row["version"] = "2.1.332".into();
        self.rows.push(row);
        self
    }

    fn head(self) -> Self {
        self.row(json!({"type": "fork-context-ref"}))
    }

    fn prompt(self, text: &str) -> Self {
        let message = json!({"role": "user", "content": text});
        self.row(json!({"type": "user", "turnOrigin": "sdk", "message": message}))
    }

    fn user_row(self, text: &str) -> Self {
        self.row(json!({"type": "user", "message": {"role": "user", "content": text}}))
    }

    fn says(self, call: &str) -> Self {
        self.answer(call, &json!({"type": "text", "text": format!("answer of {call}")}))
    }

    fn launches(self, call: &str, tools: &[&str]) -> Self {
        let launch = |tool: &&str| {
            let input = json!({"description": "d", "prompt": tool, "subagent_type": "fork"});
            json!({"type": "tool_use", "id": tool, "name": "Agent", "input": input})
        };
        tools.iter().fold(self, |file, tool| file.answer(call, &launch(tool)))
    }

    fn answer(self, call: &str, block: &Value) -> Self {
        let is_tool = block["type"] == "tool_use";
        let message = json!({
            "id": call, "role": "assistant", "model": "claude-opus-5-5", "content": [block],
            "stop_reason": if is_tool { "tool_use" } else { "end_turn" },
            "usage": {"input_tokens": 10, "output_tokens": 1},
        });
        let row =
            json!({"type": "assistant", "requestRef": format!("ref-{call}"), "message": message});
        self.row(row)
    }

    fn result(self, tool: &str, beside: &str) -> Self {
        let result = json!({"type": "tool_result", "tool_use_id": tool, "content": "done"});
        let content = json!([result, {"type": "text", "text": beside}]);
        self.row(json!({"type": "user", "message": {"role": "user", "content": content}}))
    }

    fn text(&self) -> String {
        self.rows.iter().map(|row| format!("{row}\n")).collect()
    }
}

/// A session with its agents: their ids, their meta files, and their rows.
fn replayed(main: &File, agents: &[(&str, Value, File)]) -> Vec<Row> {
    let mock = MockLangfuse::start();
    let sandbox = Sandbox::traced(&mock);
    let path = format!("{FOLDER}/{SESSION}.jsonl");
    let path = sandbox.write(&path, main.text().as_bytes());
    for (id, meta, file) in agents {
        let name = format!("{FOLDER}/{SESSION}/subagents/agent-{id}");
        sandbox.write(&format!("{name}.jsonl"), file.text().as_bytes());
        if !meta.is_null() {
            sandbox.write(&format!("{name}.meta.json"), meta.to_string().as_bytes());
        }
    }
    let path = path.to_str().unwrap();
    sandbox.run(&["replay", path]).exits(0);
    let rows = mock.rows();
    assert_sound(&rows);
    let shown = sandbox.run(&["show", "--json", path]).exits(0).stdout;
    assert_eq!(shown.lines().count(), rows.len() + 1, "{shown}");
    sandbox.run(&["show", path]).exits(0);
    sandbox.run(&["verify", path]).exits(0);
    rows
}

#[test]
fn an_agent_without_a_prompt_row_shows_the_input_of_its_call() {
    let main = File::from(0).prompt("go").launches("m1", &["t1"]).result("t1", "").says("m2");
    let meta = json!({"agentType": "Explore", "toolUseId": "t1", "description": "d"});
    let rows = replayed(&main, &[("a1", meta, File::from(2).says("m3"))]);
    let agent = rows.iter().find(|row| row.metadata.contains_key("agent_id")).unwrap();
    assert_eq!(agent.input.as_deref(), Some("t1"));
}

#[test]
fn advice_of_another_model_is_a_call_below_the_answer() {
    let usage = json!({
        "input_tokens": "30", "output_tokens": 11.0, "iterations": [
            {"type": "message", "input_tokens": 10, "output_tokens": 5},
            {"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 9000, "output_tokens": 700},
            {"type": "compaction", "model": "claude-opus-5", "input_tokens": 1, "output_tokens": 1},
        ],
    });
    let row = |block: Value| {
        let message = json!({
            "id": "m1", "role": "assistant", "model": "claude-sonnet-5", "content": [block],
            "stop_reason": "end_turn", "usage": usage,
        });
        json!({"type": "assistant", "requestRef": "r", "message": message})
    };
    let advice = json!({"type": "advisor_result", "text": "Use a map."});
    let main = File::from(0)
        .prompt("go")
        .row(row(json!({"type": "server_tool_use", "id": "s", "name": "advisor", "input": {}})))
        .row(row(json!({"type": "advisor_tool_result", "tool_use_id": "s", "content": advice})))
        .row(row(json!({"type": "text", "text": "With a map."})));
    let rows = replayed(&main, &[]);
    let calls: Vec<&Row> = rows.iter().filter(|row| row.kind == "GENERATION").collect();
    let tokens = |row: &Row| (row.usage["input"], row.usage["output"]);
    let model = |name: &str| *calls.iter().find(|row| row.model.as_deref() == Some(name)).unwrap();
    let (own, advised) = (model("claude-sonnet-5"), model("claude-opus-5"));
    assert_eq!((calls.len(), tokens(own), tokens(advised)), (2, (30, 11), (9000, 700)));
    assert_eq!(advised.parent_span_id.as_ref(), Some(&own.span_id));
    assert_eq!((advised.start_ms, advised.end_ms), (own.start_ms, own.end_ms));
    assert_eq!(advised.metadata["advisor"], "true");
    assert!(advised.output.as_ref().unwrap().contains("Use a map."));
}

/// Each span arrives once, and every one has a root.
fn assert_sound(rows: &[Row]) {
    let parents: BTreeMap<&str, Option<&str>> =
        rows.iter().map(|row| (row.span_id.as_str(), row.parent_span_id.as_deref())).collect();
    assert_eq!(parents.len(), rows.len(), "each span is there once");
    for row in rows {
        let mut seen = BTreeSet::new();
        let mut place = Some(row.span_id.as_str());
        while let Some(here) = place {
            assert!(seen.insert(here), "{} is below itself", row.name);
            place = *parents.get(here).expect("a parent that was sent");
        }
    }
}

/// Each model call: its text or launch, and the id of its agent.
fn calls(rows: &[Row]) -> BTreeSet<(String, Option<String>)> {
    let calls = rows.iter().filter(|row| row.kind == "GENERATION");
    let agent = |row: &Row| {
        let mut above = rows.iter();
        let above = above.find(|above| Some(&above.span_id) == row.parent_span_id.as_ref());
        above.and_then(|above| above.metadata.get("agent_id").cloned())
    };
    calls.map(|row| (row.metadata["message_id"].clone(), agent(row))).collect()
}

fn expected(calls: &[(&str, &str)]) -> BTreeSet<(String, Option<String>)> {
    let owner = |agent: &str| Some(agent.to_owned()).filter(|agent| !agent.is_empty());
    let calls = calls.iter();
    calls.map(|(call, agent)| ((*call).to_owned(), owner(agent))).collect()
}

/// The id of the agent of this tool call; empty for the session's own calls.
fn owner(rows: &[Row], tool: &str) -> String {
    let is_tool = |row: &&Row| row.metadata.get("tool_use_id").is_some_and(|id| id == tool);
    let row = rows.iter().find(is_tool).expect("the tool call");
    let mut above = rows.iter();
    let above = above.find(|above| Some(&above.span_id) == row.parent_span_id.as_ref());
    let agent = above.and_then(|above| above.metadata.get("agent_id"));
    agent.cloned().unwrap_or_default()
}

fn launched_by(tool: &str) -> Value {
    json!({"agentType": "fork", "toolUseId": tool})
}

fn fork(tool: &str) -> Value {
    json!({"agentType": "fork", "toolUseId": tool, "isFork": true})
}

#[test]
fn a_fork_of_a_fork_sends_each_call_once() {
    let main = File::from(0).prompt("p").launches("m1", &["t1"]).result("t1", "");
    let main = main.says("m2");
    let outer = File::from(10).head().launches("m1", &["t1"]).result("t1", "outer");
    let outer = outer.launches("a1", &["t2"]).result("t2", "").says("a2");
    let inner = File::from(20).head().launches("a1", &["t2"]).result("t2", "inner");
    let inner = inner.says("b1");
    let rows = replayed(&main, &[("aa", fork("t1"), outer), ("ab", fork("t2"), inner)]);
    let all = [("m1", ""), ("m2", ""), ("a1", "aa"), ("a2", "aa"), ("b1", "ab")];
    assert_eq!(calls(&rows), expected(&all));
    assert_eq!((owner(&rows, "t1"), owner(&rows, "t2")), (String::new(), "aa".to_owned()));
    let inputs = rows.iter().filter(|row| row.metadata.contains_key("agent_id"));
    let inputs: BTreeSet<&str> = inputs.filter_map(|row| row.input.as_deref()).collect();
    assert_eq!(inputs, BTreeSet::from(["inner", "outer"]));
}

#[test]
fn one_mark_of_a_fork_is_enough() {
    let main = || File::from(0).prompt("p").launches("m1", &["t1"]).result("t1", "").says("m2");
    let own = |file: File| file.launches("m1", &["t1"]).result("t1", "go on").says("a1");
    for (meta, file) in [
        (fork("t1"), own(File::from(10))),
        (launched_by("t1"), own(File::from(10).head())),
        // An unlinked agent has its own trace.
        (Value::Null, own(File::from(10).head())),
    ] {
        let rows = replayed(&main(), &[("aa", meta.clone(), file)]);
        let all = [("m1", ""), ("m2", ""), ("a1", "aa")];
        assert_eq!(calls(&rows), expected(&all), "{meta}");
    }
}

#[test]
fn without_any_mark_calls_of_the_same_request_are_the_parents() {
    let main = File::from(0).prompt("p").says("m1").prompt("q").launches("m2", &["t1"]);
    let main = main.result("t1", "").says("m3");
    let copy = File::from(10).user_row("p").says("m1").user_row("q").launches("m2", &["t1"]);
    let copy = copy.result("t1", "go on").says("a1");
    let rows = replayed(&main, &[("aa", launched_by("t1"), copy)]);
    let all = [("m1", ""), ("m2", ""), ("m3", ""), ("a1", "aa")];
    assert_eq!(calls(&rows), expected(&all));
    assert_eq!(owner(&rows, "t1"), "");
}

#[test]
fn agents_that_name_each_other_as_parents_make_no_cycle() {
    let main = File::from(0).prompt("p").launches("m1", &["t1"]).says("m2");
    let one = File::from(10).user_row("t1").launches("a1", &["t1", "t2"]).says("a2");
    let other = File::from(20).user_row("t2").launches("b1", &["t1", "t2", "t3"]).says("b2");
    let rows = replayed(&main, &[("aa", launched_by("t1"), one), ("ab", launched_by("t2"), other)]);
    assert_eq!((owner(&rows, "t1"), owner(&rows, "t2")), (String::new(), "aa".to_owned()));
    assert_eq!(owner(&rows, "t3"), "ab");
    assert_eq!(calls(&rows).len(), 6);
}

#[test]
fn siblings_with_each_others_launches_make_no_cycle() {
    let main = File::from(0).prompt("p").launches("m1", &["t1", "t2"]).says("m2");
    let one = File::from(10).user_row("t1").launches("a1", &["t2"]).says("a2");
    let other = File::from(20).user_row("t2").launches("b1", &["t1"]).says("b2");
    let rows = replayed(&main, &[("aa", launched_by("t1"), one), ("ab", launched_by("t2"), other)]);
    assert_eq!((owner(&rows, "t1"), owner(&rows, "t2")), (String::new(), String::new()));
}

/// The rows that launched them are gone. No row links them to the session, but their cost must stay visible.
#[test]
fn agents_in_a_ring_apart_from_the_session_are_traces_without_a_cycle() {
    let main = File::from(0).prompt("p").says("m1");
    let ring =
        |from, call: &str, tool: &str| File::from(from).user_row("x").launches(call, &[tool]);
    let rows = replayed(
        &main,
        &[
            ("aa", launched_by("t3"), ring(10, "a1", "t1").says("a2")),
            ("ab", launched_by("t1"), ring(20, "b1", "t2").says("b2")),
            ("ac", launched_by("t2"), ring(30, "c1", "t3").says("c2")),
            ("ad", launched_by("t9"), ring(40, "d1", "t9").says("d2")),
        ],
    );
    let ring = [("a1", "aa"), ("a2", "aa"), ("b1", "ab"), ("b2", "ab"), ("c1", "ac"), ("c2", "ac")];
    let all = [&[("m1", "")][..], &ring, &[("d1", "ad"), ("d2", "ad")]].concat();
    assert_eq!(calls(&rows), expected(&all));
    assert_eq!((owner(&rows, "t1"), owner(&rows, "t2")), ("aa".to_owned(), "ab".to_owned()));
    let roots = rows.iter().filter(|row| row.metadata.contains_key("unlinked_agent"));
    assert!(roots.count() >= 2);
}
