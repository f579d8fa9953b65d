//! Sessions of any length.

use std::fmt::Write;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::sandbox::{PROJECT, Sandbox};

/// One session's file, which grows by whole turns.
pub(super) struct LongSession {
    pub(super) id: String,
    pub(super) path: PathBuf,
    turns: usize,
    words: Words,
}

impl LongSession {
    /// A new, empty session in a folder.
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self::numbered(folder, 0)
    }

    /// One of several.
    pub(super) fn numbered(folder: PathBuf, number: usize) -> Self {
        let id = format!("{number:08x}-0000-4000-8000-000000000000");
        fs::create_dir_all(&folder).unwrap();
        Self { path: folder.join(format!("{id}.jsonl")), id, turns: 0, words: Words(1) }
    }

    /// The same in Claude Code's folder.
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        Self::in_folder(sandbox.projects().join("-home-dev-project"))
    }

    pub(super) fn turns(&self) -> usize {
        self.turns
    }

    /// Adds a turn with an answer of this many bytes that compress like text.
    pub(super) fn turn(&mut self, answer: usize) {
        let answer = self.words.text(answer);
        self.turn_of(&answer);
    }

    /// Adds a turn with an answer of this many bytes that hardly compress.
    pub(super) fn dense_turn(&mut self, answer: usize) {
        let answer = self.words.noise(answer);
        self.turn_of(&answer);
    }

    fn turn_of(&mut self, answer: &str) {
        let number = self.turns;
        let time = |second| {
            format!("2024-11-23T{:02}:{:02}:{second:02}.000Z", number / 60 % 24, number % 60)
        };
        let session = &self.id[..8];
        let id = |kind: u8| format!("{session}-0000-4000-80{kind:02x}-{number:012x}");
        let row = |kind: u8, second: u8, more: Value| {
            let mut row = json!({
                "uuid": id(kind), "timestamp": time(second), "sessionId": self.id, "cwd": PROJECT, "version": "2.1.330",
                "isSidechain": false, "userType": "external", "entrypoint": "cli", "parentUuid": null,
            });
            let members = row.as_object_mut().unwrap();
            members.extend(more.as_object().unwrap().clone());
            format!("{row}\n")
        };
        let prompt = json!({"type": "user", "promptId": id(9), "message": {"role": "user", "content": format!("Question {number}")}});
        let message = json!({
            "id": format!("msg_{session}_{number}"), "type": "message", "role": "assistant", "model": "claude-opus-5-5",
            "content": [{"type": "text", "text": answer}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 2},
        });
        let answer = json!({"type": "assistant", "requestId": format!("req_{session}_{number}"), "message": message});
        let summary = json!({"type": "system", "subtype": "stop_hook_summary", "hookCount": 1});
        let rows = [row(1, 0, prompt), row(2, 10, answer), row(3, 11, summary)].concat();
        self.append(&rows);
        self.turns += 1;
    }

    pub(super) fn append(&self, rows: &str) {
        self.append_bytes(rows.as_bytes());
    }

    pub(super) fn append_bytes(&self, rows: &[u8]) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).unwrap();
        file.write_all(rows).unwrap();
    }

    /// The event of the next hook.
    pub(super) fn event(&self, name: &str) -> String {
        let event = json!({
            "hook_event_name": name, "session_id": self.id, "transcript_path": self.path, "cwd": PROJECT,
        });
        event.to_string()
    }
}

/// Words that are the same in every run.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 33
    }

    fn text(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            // Small numbers are more frequent, like some words.
            let word = self.next() % 3000 * (self.next() % 3000) / 3000;
            write!(text, "w{:x} ", word * 7919).unwrap();
        }
        text.truncate(length);
        text
    }

    fn noise(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.;!?-+*()";
        let count = LETTERS.len() as u64;
        let letter = |number: u64| char::from(LETTERS[usize::try_from(number % count).unwrap()]);
        (0..length).map(|_| letter(self.next())).collect()
    }
}
