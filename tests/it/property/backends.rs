//! Providers behind Claude Code omit ids, repeat them, or restart them in each answer. For any of these, and any split: each
//! model call and each tool arrives once, with its own tokens, input and output.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use langfuse_mock::Row;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::cases;
use super::machine::{Machine, Run};
use super::receiver::{Receiver, same_rows};
use super::recorded::Session;
use super::splits::{Step, live};

const ID: &str = "00000000-0000-4000-8000-000000000000";
const AGENT: &str = "a0123456789abcdef";

/// Schemes of the provider's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    /// Anthropic's: a new one each time.
    New,
    Missing,
    Empty,
    Constant,
    /// A constant in Anthropic's form.
    Imitated,
    /// In Anthropic's form, restarting at 0 in each answer.
    Counted,
    /// An example of the API documentation.
    Documented,
    /// Restarting at 0 in each answer.
    Numbered,
}

impl Ids {
    fn any() -> impl Strategy<Value = Self> {
        use Ids::{Constant, Counted, Documented, Empty, Imitated, Missing, New, Numbered};
        let all = vec![New, Missing, Empty, Constant, Imitated, Counted, Documented, Numbered];
        prop::sample::select(all)
    }

    /// In Anthropic's form, but not new.
    fn imitates(self) -> bool {
        matches!(self, Self::Imitated | Self::Counted)
    }

    /// `number`: within the answer; `unique`: in the session.
    fn id(self, prefix: &str, number: usize, unique: usize) -> Value {
        match self {
            Self::New => json!(format!("{prefix}01QA4ENWgTYCeBCKX{unique:07}")),
            Self::Missing => Value::Null,
            Self::Empty => json!(""),
            Self::Constant => json!("1"),
            Self::Imitated => json!(format!("{prefix}01QA4ENWgTYCeBCKXWsk25sW")),
            Self::Counted => json!(format!("{prefix}01QA4ENWgTYCeBCKX{number:07}")),
            Self::Documented if prefix == "msg_" => json!("msg_01XFDUDYJgAACzvnptvVoYEL"),
            Self::Documented => json!("toolu_01A09q90qw90lq917835lq9"),
            Self::Numbered => json!(format!("call_{number}")),
        }
    }
}

/// Fields that rows of one answer share besides the message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requests {
    /// Since 2.1.330: a row for each request, and positions of blocks.
    Rows,
    /// The provider's id of the request.
    Headers,
    Nothing,
}

/// One model call, with its tools.
#[derive(Clone, Debug)]
struct Call {
    has_text: bool,
    tools: usize,
    /// Tools run while the answer streams: their results are between its rows.
    streams: bool,
    /// Its first row is written twice.
    twice: bool,
}

#[derive(Clone, Debug)]
struct Backend {
    messages: Ids,
    tools: Ids,
    requests: Requests,
    /// By turn. A last call without tools follows.
    turns: Vec<Vec<Call>>,
    /// Number of the agent's calls. `None`: no agent.
    agent: usize,
    /// The tool that launches it, 1-based.
    launcher: usize,
}

impl Backend {
    fn any() -> impl Strategy<Value = Self> {
        let call = (any::<bool>(), 1..4_usize, any::<bool>(), prop::bool::weighted(0.2));
        let call = call.prop_map(|(has_text, tools, streams, twice)| Call {
            has_text,
            tools,
            streams,
            twice,
        });
        let turns = prop::collection::vec(prop::collection::vec(call, 0..4), 1..4);
        let requests =
            prop::sample::select(vec![Requests::Rows, Requests::Headers, Requests::Nothing]);
        (Ids::any(), Ids::any(), requests, turns, 0..4_usize, 1..6_usize)
            .prop_map(|(messages, tools, requests, turns, agent, launcher)| Self {
                messages,
                tools,
                requests,
                turns,
                agent,
                launcher,
            })
            .prop_filter("nothing tells two of its calls apart", |it| {
                !it.messages.imitates() || it.requests != Requests::Nothing
            })
    }

    /// Whether anything besides their order shows that rows with a result between them are one call.
    fn may_stream(&self) -> bool {
        self.requests == Requests::Rows || self.messages == Ids::New
    }
}

/// The expected spans.
#[derive(Debug, Default, PartialEq, Eq)]
struct Played {
    calls: usize,
    /// Tokens of each call: the square of its number, so that no two sums of several are equal.
    tokens: u64,
    /// Input and output of each tool.
    tools: BTreeSet<(String, String)>,
}

/// Writes the rows as Claude Code would.
struct Author<'a> {
    backend: &'a Backend,
    played: Played,
    rows: usize,
    tools: usize,
    main: String,
    agent: String,
    launched_by: Value,
}

impl<'a> Author<'a> {
    fn write(backend: &'a Backend) -> Self {
        let (played, main, agent) = (Played::default(), String::new(), String::new());
        let launched_by = Value::Null;
        let mut author = Self { backend, played, rows: 0, tools: 0, main, agent, launched_by };
        for (number, turn) in backend.turns.iter().enumerate() {
            author.prompt(number);
            for call in turn {
                author.call(call, false);
            }
            author.call(&Call { has_text: true, tools: 0, streams: false, twice: false }, false);
        }
        author
    }

    fn row(&mut self, is_agent: bool, fields: Value) -> String {
        self.rows += 1;
        let uuid = format!("{:08}-0000-4000-8000-000000000000", self.rows);
        let (minutes, seconds) = (self.rows / 60, self.rows % 60);
        let mut row = json!({
            "parentUuid": null, "isSidechain": is_agent, "uuid": uuid, "sessionId": ID, "version": "2.1.332",
            "timestamp": format!("2024-01-01T00:{minutes:02}:{seconds:02}.000Z"), "cwd": "/home/dev/project",
        });
        row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.push(is_agent, &row);
        uuid
    }

    fn push(&mut self, is_agent: bool, row: &Value) {
        let file = if is_agent { &mut self.agent } else { &mut self.main };
        *file += &format!("{row}\n");
    }

    fn prompt(&mut self, number: usize) {
        let message = json!({"role": "user", "content": format!("prompt {number}")});
        self.row(
            false,
            json!({"type": "user", "promptId": format!("p{number}"), "message": message}),
        );
    }

    fn call(&mut self, call: &Call, is_agent: bool) {
        self.played.calls += 1;
        let number = self.played.calls;
        let tokens = (number * number) as u64;
        self.played.tokens += tokens;
        let request = format!("request-{number}");
        if self.backend.requests == Requests::Rows {
            self.row(is_agent, json!({"type": "api-request", "id": request}));
        }
        let id = self.backend.messages.id("msg_", 0, number);
        let texts = usize::from(call.has_text || call.tools == 0);
        let (mut results, mut streamed) = (Vec::new(), 0);
        for index in 0..texts + call.tools {
            let (block, tool) = match index < texts {
                true => (json!({"type": "text", "text": format!("words {number}")}), None),
                false => self.tool(index - texts, is_agent),
            };
            let stop = if call.tools == 0 { "end_turn" } else { "tool_use" };
            let message = json!({
                "id": id, "role": "assistant", "model": "claude-opus-4-8", "content": [block],
                "stop_reason": stop, "usage": {"input_tokens": tokens, "output_tokens": tokens}
            });
            let mut fields = json!({"type": "assistant", "message": message});
            match self.backend.requests {
                Requests::Rows => {
                    fields["requestRef"] = json!(request);
                    // Claude Code's numbering includes the results between.
                    fields["apiBlockIndex"] = json!(index + streamed);
                }
                Requests::Headers => fields["requestId"] = json!(format!("req_{number}")),
                Requests::Nothing => {}
            }
            let uuid = self.row(is_agent, fields);
            if call.twice && index == 0 {
                let file = if is_agent { &self.agent } else { &self.main };
                let last = file.lines().last().unwrap();
                let last = serde_json::from_str(last).unwrap();
                self.push(is_agent, &last);
            }
            let Some((tool, input)) = tool else { continue };
            results.push((uuid, tool, input));
            if call.streams && self.backend.may_stream() {
                streamed += 1;
                let (uuid, tool, input) = results.remove(0);
                self.result(&uuid, &tool, &input, is_agent);
            }
        }
        for (uuid, tool, input) in results {
            self.result(&uuid, &tool, &input, is_agent);
        }
    }

    /// The block, and the id that its result must name.
    fn tool(&mut self, number: usize, is_agent: bool) -> (Value, Option<(Value, String)>) {
        self.tools += 1;
        let id = self.backend.tools.id("toolu_", number, self.tools);
        let input = format!("look {}", self.tools);
        let launches = self.is_launcher(self.tools) && !is_agent;
        let block = match launches {
            true => {
                json!({"type": "tool_use", "id": id, "name": "Agent", "input": {"prompt": input, "subagent_type": "Explore"}})
            }
            false => {
                json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": input}})
            }
        };
        (block, Some((id, input)))
    }

    fn is_launcher(&self, tool: usize) -> bool {
        tool == self.backend.launcher && self.backend.agent > 0
    }

    fn result(&mut self, asked_by: &str, tool: &Value, input: &str, is_agent: bool) {
        let number = input.trim_start_matches("look ").parse().unwrap();
        let launches = self.is_launcher(number) && !is_agent;
        if launches {
            self.launched_by = tool.clone();
            let message = json!({"role": "user", "content": input});
            self.row(true, json!({"type": "user", "promptId": "p0", "message": message}));
            for left in (0..self.backend.agent).rev() {
                let tools = if left > 0 { 2 } else { 0 };
                self.call(&Call { has_text: true, tools, streams: false, twice: false }, true);
            }
        }
        let output = format!("found by {input}");
        let result = json!({"type": "tool_result", "tool_use_id": tool, "content": output});
        let mut fields = json!({
            "type": "user", "parentUuid": asked_by, "message": {"role": "user", "content": [result]},
        });
        if launches {
            fields["toolUseResult"] = json!({"status": "completed", "agentId": AGENT});
        }
        self.row(is_agent, fields);
        self.played.tools.insert((input.to_owned(), output));
    }

    fn save(&self, folder: &Path) -> Session {
        let main = folder.join(format!("{ID}.jsonl"));
        fs::write(&main, &self.main).unwrap();
        if !self.agent.is_empty() {
            let agents = folder.join(ID).join("subagents");
            fs::create_dir_all(&agents).unwrap();
            fs::write(agents.join(format!("agent-{AGENT}.jsonl")), &self.agent).unwrap();
            let meta =
                json!({"agentType": "Explore", "toolUseId": self.launched_by, "spawnDepth": 1});
            fs::write(agents.join(format!("agent-{AGENT}.meta.json")), meta.to_string()).unwrap();
        }
        Session::read(&main, "made up".to_owned())
    }
}

/// The received spans.
fn arrived(rows: &[Row]) -> Played {
    let generations = rows.iter().filter(|row| row.kind == "GENERATION");
    let tools = rows.iter().filter(|row| row.kind == "TOOL");
    let input = |row: &Row| {
        let input: Value = serde_json::from_str(row.input.as_deref().unwrap()).unwrap();
        let asked = input.get("command").or_else(|| input.get("prompt"));
        asked.unwrap().as_str().unwrap().to_owned()
    };
    Played {
        calls: generations.clone().count(),
        tokens: generations.map(|row| row.usage["output"]).sum(),
        tools: tools.map(|row| (input(row), row.output.clone().unwrap_or_default())).collect(),
    }
}

/// The rows of a server that keys observations only by id: within a trace, for a provider that imitates Anthropic's ids.
fn are_unique(backend: &Backend, rows: &[Row]) -> Result<(), TestCaseError> {
    let imitates = backend.messages.imitates() || backend.tools.imitates();
    let key = |row: &Row| match imitates {
        true => format!("{} {}", row.trace_id, row.span_id),
        false => row.span_id.clone(),
    };
    let keys: BTreeSet<String> = rows.iter().map(key).collect();
    prop_assert_eq!(keys.len(), rows.len(), "two observations with one id");
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn calls_and_tools_arrive_once_with_any_ids_of_the_provider(
        backend in Backend::any(),
        steps in Step::several(Run::any()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let author = Author::write(&backend);
        let session = author.save(folder.path());
        prop_assert_eq!(arrived(&session.expected), author.played);
        are_unique(&backend, &session.expected)?;
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, &session, &steps, &mut receiver)?;
        receiver.violations()?;
        same_rows(&receiver.rows(), &session.expected)?;
    }

    #[test]
    fn a_run_between_the_rows_of_one_answer_sends_no_call_twice(
        backend in Backend::any(),
        steps in Step::several(Just(Run::Flush)),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let session = Author::write(&backend).save(folder.path());
        let (machine, mut receiver) = (Machine::new(), Receiver::default());
        live(&machine, &session, &steps, &mut receiver)?;
        receiver.each_generation_once()?;
        same_rows(&receiver.rows(), &session.expected)?;
    }
}
