//! Two machines with the same events. On one of them all agents are moved to an archive after each run, as earlier
//! builds did. And Claude Code, which writes on both.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use base::Timestamp;
use claude_langfuse::delivery::decline;
use claude_langfuse::state::Cursor;
use serde_json::{Value, json};
use transcript::FileMark;

use super::machine::{Machine, Run};
use super::receiver::{Receiver, Response, spans};
use super::recorded::Session;

pub(super) const ID: &str = "00000000-0000-4000-8000-000000000000";

/// Events between two runs. Agents have numbers.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A turn launches agents and waits for them.
    Turn(Vec<u8>),
    /// A turn launches an agent in the background, which has just begun.
    Background(u8),
    /// A notification of an agent's end opens a turn.
    Told(u8, &'static str),
    /// An agent launches another one and waits for it.
    Nested(u8, u8),
    /// An agent continues, possibly without a call: it answers again.
    Grows(u8),
    /// An agent's file is truncated in the middle.
    Shrinks(u8),
    /// An agent's file is replaced by a copy.
    Copied(u8),
    Removed(u8),
    /// An agent's file gets another name, so it becomes another agent.
    Renamed(u8, u8),
    /// An agent without a link.
    Stray(u8),
    /// The session's file is rewritten without its first row.
    Rewritten,
    /// Tracing was off when a hook ran.
    Declined,
    Nothing,
}

pub(super) fn agent_id(agent: u8) -> String {
    format!("a{agent:016x}")
}

/// The session's own file.
pub(super) fn main_path() -> PathBuf {
    PathBuf::from(format!("{ID}.jsonl"))
}

fn agent_path(agent: u8) -> PathBuf {
    let name = format!("agent-{}.jsonl", agent_id(agent));
    // Some are steps of an unknown workflow run.
    let folder = if agent == 5 { "workflows/wf_1" } else { "" };
    Path::new(ID).join("subagents").join(folder).join(name)
}

/// Writes rows like Claude Code.
#[derive(Default)]
pub(super) struct Author {
    rows: u64,
    main: String,
}

impl Author {
    fn row(&mut self, kind: &str, agent: Option<u8>, fields: Value) -> String {
        self.rows += 1;
        let (minutes, seconds) = (self.rows / 60, self.rows % 60);
        let mut row = json!({
            "parentUuid": null, "isSidechain": agent.is_some(), "type": kind, "uuid": format!("u{}", self.rows),
            "timestamp": format!("2024-01-01T00:{minutes:02}:{seconds:02}.000Z"),
            "sessionId": ID, "version": "2.1.330", "cwd": "/home/dev/project"
        });
        if let Some(agent) = agent {
            row["agentId"] = json!(agent_id(agent));
        }
        let row = row.as_object_mut().unwrap();
        row.extend(fields.as_object().unwrap().clone());
        format!("{}\n", json!(row))
    }

    fn prompt(&mut self, agent: Option<u8>, text: &str) -> String {
        let fields = json!({"promptId": format!("p{}", self.rows), "message": {"role": "user", "content": text}});
        self.row("user", agent, fields)
    }

    /// No two beginnings have the same length, because a file may get the inode of a removed one.
    fn begins(&mut self, agent: u8) -> String {
        let text = format!("look {}", ".".repeat(usize::try_from(self.rows).unwrap()));
        self.prompt(Some(agent), &text)
    }

    fn answer(&mut self, agent: Option<u8>, block: Value, ends: bool) -> String {
        let message = json!({
            "id": format!("m{}", self.rows), "role": "assistant", "model": "claude", "content": [block],
            "stop_reason": if ends { "end_turn" } else { "tool_use" }, "usage": {"output_tokens": 1}
        });
        self.row("assistant", agent, json!({"message": message}))
    }

    fn says(&mut self, agent: Option<u8>) -> String {
        let text = format!("words {}", self.rows);
        self.answer(agent, json!({"type": "text", "text": text}), true)
    }

    /// A call that launches an agent, and its result.
    fn launch(&mut self, by: Option<u8>, agent: u8, status: &str) -> (String, String) {
        let tool = format!("toolu_{}", self.rows);
        let input = json!({"prompt": "look", "description": "look", "subagent_type": "Explore"});
        let call = json!({"type": "tool_use", "id": tool, "name": "Agent", "input": input});
        let mut rows = self.answer(by, call, false);
        let result = json!({"type": "tool_result", "tool_use_id": tool, "content": "done"});
        let mut fields = json!({"message": {"role": "user", "content": [result]}});
        if by.is_none() {
            fields["toolUseResult"] = json!({"status": status, "agentId": agent_id(agent)});
        }
        rows += &self.row("user", by, fields);
        (tool, rows)
    }

    /// Writes an event in both worlds.
    pub(super) fn write(&mut self, event: &Event, worlds: &[World; 2]) {
        if let Event::Rewritten = event {
            self.main = self.main.split_once('\n').unwrap().1.to_owned();
            for world in worlds {
                world.replace(&main_path(), &self.main);
            }
        }
        let rows = self.turn(event, worlds);
        self.main += &rows;
        for world in worlds {
            world.append(&main_path(), &rows);
        }
        self.agents(event, worlds);
    }

    /// Writes the event's rows to the session's own file.
    fn turn(&mut self, event: &Event, worlds: &[World; 2]) -> String {
        let (prompt, agents, status) = match event {
            Event::Turn(agents) => ("work".to_owned(), agents.clone(), "completed"),
            Event::Background(agent) => ("work".to_owned(), vec![*agent], "async_launched"),
            Event::Rewritten => ("after that".to_owned(), Vec::new(), ""),
            Event::Told(agent, status) => {
                let id = format!("<task-id>{}</task-id>", agent_id(*agent));
                let how = format!("<status>{status}</status>\n<summary>done</summary>");
                let told = format!("<task-notification>\n{id}\n{how}\n</task-notification>");
                (told, Vec::new(), "")
            }
            _ => return String::new(),
        };
        let mut rows = self.prompt(None, &prompt);
        for agent in agents {
            let (tool, launch) = self.launch(None, agent, status);
            rows += &launch;
            let mut run = self.begins(agent);
            if status == "completed" {
                run += &self.says(Some(agent));
            }
            for world in worlds {
                world.begin(agent, &tool, &run);
            }
        }
        rows + &self.says(None)
    }

    /// Changes agents' files.
    fn agents(&mut self, event: &Event, worlds: &[World; 2]) {
        match event {
            Event::Nested(by, agent) => {
                let (tool, rows) = self.launch(Some(*by), *agent, "completed");
                let rows = rows + &self.says(Some(*by));
                let run = self.begins(*agent) + &self.says(Some(*agent));
                for world in worlds {
                    world.begin(*agent, &tool, &run);
                    world.append(&agent_path(*by), &rows);
                }
            }
            Event::Grows(agent) => {
                let rows = self.says(Some(*agent));
                for world in worlds {
                    world.append(&agent_path(*agent), &rows);
                }
            }
            Event::Stray(agent) => {
                let run = self.begins(*agent) + &self.says(Some(*agent));
                for world in worlds {
                    world.begin(*agent, "toolu_unheard_of", &run);
                }
            }
            other => worlds.iter().for_each(|world| world.apply(other)),
        }
    }
}

/// One of two machines with the same events.
pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) receiver: Receiver,
    /// Agents are moved to an archive after each run.
    archives: bool,
}

impl World {
    pub(super) fn new(archives: bool) -> Self {
        Self { machine: Machine::new(), receiver: Receiver::default(), archives }
    }

    fn append(&self, path: &Path, rows: &str) {
        let path = self.machine.path(path);
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, before + rows).unwrap();
    }

    fn replace(&self, path: &Path, content: &str) {
        let path = self.machine.path(path);
        fs::write(path.with_extension("copy"), content).unwrap();
        fs::rename(path.with_extension("copy"), path).unwrap();
    }

    /// An agent's file begins, or continues with another call's prompt.
    fn begin(&self, agent: u8, tool: &str, run: &str) {
        let path = agent_path(agent);
        self.append(&path, run);
        let meta = json!({"agentType": "Explore", "toolUseId": tool, "spawnDepth": 1});
        let place = self.machine.path(&path).with_extension("meta.json");
        if !place.exists() {
            fs::write(place, meta.to_string()).unwrap();
        }
    }

    /// Changes existing files.
    fn apply(&self, event: &Event) {
        let path = |agent: &u8| self.machine.path(&agent_path(*agent));
        let content = |agent: &u8| fs::read_to_string(path(agent));
        match event {
            Event::Shrinks(agent) => {
                if let Ok(content) = content(agent) {
                    fs::write(path(agent), &content[..content.len() / 2]).unwrap();
                }
            }
            Event::Copied(agent) => {
                if let Ok(content) = content(agent) {
                    self.replace(&agent_path(*agent), &content);
                }
            }
            Event::Removed(agent) => drop(fs::remove_file(path(agent))),
            Event::Renamed(agent, other) => drop(fs::rename(path(agent), path(other))),
            Event::Declined => {
                let transcript = self.machine.path(&main_path());
                decline(&self.machine.store, ID, &transcript).unwrap();
            }
            _ => {}
        }
    }

    /// Runs the program; returns all its effects except its requests.
    pub(super) fn run(
        &mut self,
        session: &Session,
        run: Run,
        responses: &[Response],
        now: Timestamp,
    ) -> String {
        self.receiver.responses = VecDeque::from(responses.to_vec());
        let report = self.machine.run(session, run, now, None, &mut self.receiver);
        let mut report = report.unwrap().unwrap_or_default();
        // Another order makes other batches.
        report.bytes = 0;
        if self.archives {
            self.machine.archive_agents();
        }
        let mut cursors = self.machine.store.cursors_of(ID);
        for cursor in &cursors {
            let mut links = cursor.subagents.values().filter_map(|lane| lane.link.as_ref());
            let is_known = links.all(|link| cursor.contexts.contains_key(&link.turn));
            assert!(is_known, "what stands on its spans was forgotten: {cursor:?}");
        }
        let cursors: Vec<Value> = cursors.iter_mut().map(alike).collect();
        format!("{report:?} {cursors:#?}")
    }

    /// The spans of each request of the last run.
    pub(super) fn sent(&mut self) -> Vec<Vec<String>> {
        let bodies = std::mem::take(&mut self.receiver.bodies).into_iter();
        let sorted = bodies.map(|raw| {
            let mut spans: Vec<String> = spans(&raw).iter().map(Value::to_string).collect();
            spans.sort();
            spans
        });
        sorted.collect()
    }
}

/// The part of a cursor that is equal in both worlds.
fn alike(cursor: &mut Cursor) -> Value {
    let Cursor { file, subagents, transcript, delivered_at, .. } = cursor;
    (*file, *transcript, *delivered_at) = (FileMark::default(), PathBuf::new(), None);
    for lane in subagents.values_mut() {
        lane.file = FileMark::default();
    }
    serde_json::to_value(cursor).unwrap()
}

/// A session with an answered turn.
pub(super) fn begin(worlds: &[World; 2]) -> (Session, Author) {
    let mut author = Author::default();
    author.write(&Event::Turn(vec![]), worlds);
    let path = worlds[0].machine.path(&main_path());
    (Session::read(&path, "made up".to_owned()), author)
}

pub(super) fn now(author: &Author) -> Timestamp {
    let begin = Timestamp::parse("2024-01-01T00:00:00Z").unwrap();
    begin.plus(std::time::Duration::from_secs(author.rows))
}
