//! Synthetic transcripts of any size, with the rows of recorded ones: one row per block, the request's blobs and parameters
//! (2.1.330), and each result twice (as the model and as a person sees it).
#![allow(dead_code, reason = "each bench uses its own part")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "measuring code, not shipped"
)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

/// Release whose rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Most bytes belong to skipped rows: blobs of requests, attachments.
    V2_1_330,
    /// Most bytes are content.
    V2_0_76,
}

impl Release {
    fn version(self) -> &'static str {
        match self {
            Self::V2_1_330 => "2.1.330",
            Self::V2_0_76 => "2.0.76",
        }
    }
}

/// Session id of all transcripts.
pub const SESSION: &str = "11111111-2222-4333-8444-555555555555";

/// Model calls per turn; all but the last call a tool.
const CALLS: u64 = 4;

/// A transcript that grows turn by turn. Deterministic.
pub struct Transcript {
    release: Release,
    turns: u64,
    rows: u64,
    /// The id of the last prompt and the text of the last answer, for the event of a Stop hook.
    pub last: (String, String),
}

impl Transcript {
    pub fn new(release: Release) -> Self {
        Self { release, turns: 0, rows: 0, last: Default::default() }
    }

    /// An agent's transcript, with unique ids.
    pub fn of_agent(number: u64) -> Self {
        Self {
            turns: (number + 1) * 1_000_000,
            rows: (number + 1) * 1_000,
            ..Self::new(Release::V2_1_330)
        }
    }

    /// The rows of a turn that launches agents and waits for them, and the tool calls in the order of the agents.
    pub fn launching_turn(&mut self, agents: &[String]) -> (String, Vec<String>) {
        self.turns += 1;
        let prompt = self.uuid("1");
        let mut rows = vec![self.prompt(&prompt)];
        let tools: Vec<String> = agents.iter().map(|agent| format!("toolu_{agent}")).collect();
        let message = format!("msg_{:06}_0", self.turns);
        for tool in &tools {
            let input = json!({"description": "Look around", "prompt": words(300, 2), "subagent_type": "Explore"});
            let block = json!({"type": "tool_use", "id": tool, "name": "Agent", "input": input});
            rows.push(self.row(
                "assistant",
                "5",
                json!({"message": message_of(&message, block, false)}),
            ));
        }
        for (agent, tool) in agents.iter().zip(&tools) {
            let text = json!([{"type": "text", "text": words(400, 3)}]);
            let block = json!({"tool_use_id": tool, "type": "tool_result", "content": text});
            let outcome = json!({"status": "completed", "agentId": agent, "content": text});
            rows.push(self.row(
                "user",
                "6",
                json!({"message": {"role": "user", "content": [block]},
                "promptId": prompt, "toolUseResult": outcome}),
            ));
        }
        self.call(&mut rows, CALLS - 1, &prompt, true);
        (rows.iter().map(|row| format!("{row}\n")).collect(), tools)
    }

    /// Writes turns of 64 KB until the file has this many bytes; returns its size.
    pub fn fill(&mut self, path: &Path, bytes: u64) -> io::Result<u64> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut written = 0;
        while written < bytes {
            let turn = self.turn();
            file.write_all(turn.as_bytes())?;
            written += turn.len() as u64;
        }
        file.flush()?;
        Ok(written)
    }

    /// The rows of the next turn, about 64 KB.
    pub fn turn(&mut self) -> String {
        self.turn_of(CALLS)
    }

    /// The rows of the next turn with this many model calls, about 16 KB each.
    pub fn turn_of(&mut self, calls: u64) -> String {
        self.turns += 1;
        let prompt = self.uuid("1");
        let mut rows = vec![self.prompt(&prompt)];
        if self.release == Release::V2_1_330 {
            rows.push(self.attachment());
        }
        for call in 0..calls {
            self.call(&mut rows, call, &prompt, call + 1 == calls);
        }
        if self.release == Release::V2_1_330 {
            rows.push(self.row("system", "2", json!({"subtype": "stop_hook_summary"})));
        }
        rows.iter().map(|row| format!("{row}\n")).collect()
    }

    fn call(&mut self, rows: &mut Vec<Value>, call: u64, prompt: &str, is_last: bool) {
        let (message, tool) =
            (format!("msg_{:06}_{call}", self.turns), format!("toolu_{:06}_{call}", self.turns));
        let request = self.uuid("3");
        let mut fields = json!({"message": self.answer(&message, &tool, is_last)});
        if self.release == Release::V2_1_330 {
            rows.push(json!({"type": "api-request-blob", "sessionId": SESSION, "hash": self.uuid("4"),
                "message": {"role": "user", "content": [{"type": "text", "text": words(6000, call)}]}}));
            rows.push(self.request(&request));
            fields["requestRef"] = json!(request);
            fields["apiBlockIndex"] = json!(0);
        }
        rows.push(self.row("assistant", "5", fields));
        if !is_last {
            let output = words(self.result_length(), call);
            let result = json!({"message": {"role": "user", "content":
                [{"tool_use_id": tool, "type": "tool_result", "content": output}]},
                "promptId": prompt, "toolUseResult": {"stdout": output, "stderr": "", "interrupted": false}});
            rows.push(self.row("user", "6", result));
        }
    }

    fn result_length(&self) -> usize {
        match self.release {
            Release::V2_1_330 => 4000,
            Release::V2_0_76 => 9600,
        }
    }

    fn prompt(&mut self, uuid: &str) -> Value {
        let message = json!({"role": "user", "content": words(200, self.turns)});
        let mut row = self.row("user", "1", json!({"message": message, "promptId": uuid}));
        row["uuid"] = json!(uuid);
        self.last.0 = uuid.to_owned();
        row
    }

    fn attachment(&mut self) -> Value {
        let attachment = json!({"type": "prompt_snapshot", "systemPrompt": [words(12_000, 1)]});
        self.row("attachment", "7", json!({"attachment": attachment}))
    }

    fn request(&mut self, id: &str) -> Value {
        json!({"type": "api-request", "sessionId": SESSION, "id": id, "timestamp": self.timestamp(),
            "version": "2.1.330", "querySource": "repl_main_thread", "params": {"model": "claude-opus-5-5",
            "max_tokens": 32000, "thinking": {"type": "adaptive"}, "betas": ["one", "two"]}})
    }

    fn answer(&mut self, message: &str, tool: &str, is_last: bool) -> Value {
        let block = if is_last {
            self.last.1 = words(800, self.turns);
            json!({"type": "text", "text": self.last.1})
        } else {
            json!({"type": "tool_use", "id": tool, "name": "Bash", "input": {"command": words(120, 3)}})
        };
        message_of(message, block, is_last)
    }

    /// A row with the fields common to all rows of the conversation.
    fn row(&mut self, kind: &str, series: &str, fields: Value) -> Value {
        let mut row = json!({"parentUuid": null, "isSidechain": false, "type": kind, "uuid": self.uuid(series),
            "timestamp": self.timestamp(), "userType": "external", "entrypoint": "cli",
            "cwd": "/home/dev/project", "sessionId": SESSION, "version": self.release.version(), "gitBranch": "main"});
        if let (Value::Object(row), Value::Object(fields)) = (&mut row, fields) {
            row.extend(fields);
        }
        row
    }

    fn uuid(&mut self, series: &str) -> String {
        self.rows += 1;
        format!("{series}0000000-0000-4000-8000-{:012}", self.rows)
    }

    /// One row every 37 ms.
    fn timestamp(&self) -> String {
        let milliseconds = self.rows * 37;
        let seconds = milliseconds / 1000;
        format!(
            "2024-11-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            1 + seconds / 86_400 % 28,
            seconds / 3600 % 24,
            seconds / 60 % 60,
            seconds % 60,
            milliseconds % 1000
        )
    }
}

fn message_of(id: &str, block: Value, is_last: bool) -> Value {
    json!({"id": id, "type": "message", "role": "assistant", "model": "claude-opus-5-5",
        "content": [block], "stop_reason": if is_last { "end_turn" } else { "tool_use" },
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 5000,
            "output_tokens": 50, "service_tier": "standard",
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 0}}})
}

/// Text of about this many bytes, with the quotes and line ends of code.
fn words(length: usize, seed: u64) -> String {
    const WORDS: [&str; 8] = [
        "alpha",
        "fn main()",
        "return x;",
        "\"quoted\"",
        "path/to/file.rs",
        "\n    ",
        "value = 42",
        "Ünïcode",
    ];
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(length as u64);
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 61) as usize]);
        text.push(' ');
    }
    text
}
