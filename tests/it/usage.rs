//! `usage` and `tools`: their sums are those of the transcripts, for every dimension.

mod generated;
mod instructions;
mod kept;
mod projects;
mod recorded;
mod tools;
mod verify;

use serde_json::Value;

use crate::sandbox::{Recording, Sandbox};

/// Dimensions of model calls in `usage` and `tools`.
const DIMENSIONS: [&str; 13] = [
    "project",
    "day",
    "week",
    "month",
    "model",
    "branch",
    "commit",
    "pr",
    "session",
    "agent-type",
    "version",
    "effort",
    "instructions",
];

/// Tokens by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tokens {
    input: u64,
    read: u64,
    write: u64,
    output: u64,
}

impl Tokens {
    fn of(counts: &Value) -> Self {
        let count = |name: &str| counts[name].as_u64().unwrap();
        Self {
            input: count("input"),
            read: count("cache_read"),
            write: count("cache_write"),
            output: count("output"),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            read: self.read + other.read,
            write: self.write + other.write,
            output: self.output + other.output,
        }
    }
}

/// Writes a whole recording.
fn write_recorded(sandbox: &Sandbox, recording: &Recording) {
    sandbox.write_others(recording);
    for transcript in recording.sessions.iter().chain(&recording.agents) {
        sandbox.grow(transcript, usize::MAX);
    }
}

/// The groups of a table, and its total.
fn table(sandbox: &Sandbox, arguments: &[&str]) -> (Vec<Value>, Value) {
    let mut rows = sandbox.run(&[arguments, &["--json"]].concat()).exits(0).json();
    let last = rows.pop().unwrap();
    (rows, last)
}

/// Tokens and calls of all groups; their sum is the total.
fn summed(sandbox: &Sandbox, arguments: &[&str]) -> (Tokens, u64) {
    let (rows, last) = table(sandbox, &[&["usage"], arguments].concat());
    let tokens = rows.iter().map(|row| Tokens::of(&row["tokens"]));
    let calls = rows.iter().map(|row| row["calls"].as_u64().unwrap());
    let sums = (tokens.fold(Tokens::default(), Tokens::plus), calls.sum());
    let total = &last["total"];
    let expected = (Tokens::of(&total["tokens"]), total["calls"].as_u64().unwrap());
    assert_eq!(sums, expected, "{arguments:?}");
    sums
}

#[test]
fn help_has_examples() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .types("claude-langfuse usage --help")
        .types("claude-langfuse tools --help")
        .types("claude-langfuse usage --by project,weather")
        .is("usage_help");
}

#[test]
fn without_sessions_a_message_is_printed() {
    let sandbox = Sandbox::new();
    sandbox
        .screen()
        .types("claude-langfuse usage")
        .types("claude-langfuse usage --json")
        .types("claude-langfuse tools")
        .is("usage_none");
}
