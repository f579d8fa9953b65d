//! Counts the rows that Langfuse stored, and compares them with the recorded session.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use langfuse_mock::Row;
use serde_json::Value;

/// The counts of a session.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tally {
    turns: usize,
    agents: usize,
    model_calls: usize,
    tools: BTreeMap<String, u64>,
    /// Input, written to the cache, read from it, output.
    tokens: [u64; 4],
}

impl Tally {
    /// Counts rows.
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut tally = Self::default();
        for row in rows {
            match (row.kind.as_str(), &row.parent_span_id) {
                ("AGENT", None) => tally.turns += 1,
                ("AGENT", Some(_)) => tally.agents += 1,
                ("GENERATION", _) => tally.model_calls += 1,
                ("TOOL" | "RETRIEVER", _) => *tally.tools.entry(row.name.clone()).or_default() += 1,
                _ => {}
            }
            let tokens = |wanted: &str| -> u64 {
                let kinds = row.usage.iter().filter(|(kind, _)| kind.starts_with(wanted));
                kinds.map(|(_, count)| count).sum()
            };
            let plain_input = row.usage.get("input").copied().unwrap_or_default();
            let counts = [
                plain_input,
                tokens("input_cache_creation"),
                tokens("input_cache_read"),
                tokens("output"),
            ];
            for (sum, count) in tally.tokens.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        tally
    }

    /// Whether the counts match the recording, with each model call sent once.
    pub(crate) fn complete(&self, expected: &str, accepted: &[Row]) -> Result<()> {
        let played: Value = serde_json::from_str(expected)?;
        let number = |pointer: &str| {
            let number = played.pointer(pointer).and_then(Value::as_u64);
            number.unwrap_or_default()
        };
        let calls = number("/expected/generations");
        ensure!(self.model_calls as u64 == calls, "{} of {calls} model calls", self.model_calls);
        let kinds = ["input", "cache_creation_input", "cache_read_input", "output"];
        let tokens = kinds.map(|kind| number(&format!("/expected/tokens/{kind}_tokens")));
        ensure!(self.tokens == tokens, "tokens {:?} instead of {tokens:?}", self.tokens);
        let tools = played.pointer("/expected/tool_calls").and_then(Value::as_object);
        for (name, count) in tools.into_iter().flatten() {
            let found = self.tools.get(name).copied().unwrap_or_default();
            ensure!(Some(found) == count.as_u64(), "{found} of {count} calls of {name}");
        }
        let sent = accepted.iter().filter(|row| row.kind == "GENERATION");
        let sent = sent.count();
        ensure!(sent == self.model_calls, "model calls were sent {sent} times");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { turns, agents, model_calls, tokens, .. } = self;
        let tools: u64 = self.tools.values().sum();
        let [input, written, read, output] = tokens;
        writeln!(
            formatter,
            "{turns} turns, {model_calls} model calls, {tools} tool calls, {agents} subagent"
        )?;
        write!(
            formatter,
            "  tokens: {input} in, {read} read from the cache, {written} written to it, {output} out"
        )
    }
}
