//! Checks of the rows of a recording.

use std::collections::{BTreeMap, BTreeSet};

use langfuse_mock::{MockLangfuse, Row};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sandbox::{Received, Recording};

/// The kinds of tokens: names in the API's usage, and the columns in Langfuse.
const TOKENS: [(&str, &[&str]); 4] = [
    ("input_tokens", &["input"]),
    ("output_tokens", &["output"]),
    ("cache_read_input_tokens", &["input_cache_read"]),
    (
        "cache_creation_input_tokens",
        &["input_cache_creation_5m", "input_cache_creation_1h", "input_cache_creation"],
    ),
];

/// All answers in the files have arrived, once.
pub(super) fn assert_whole(mock: &MockLangfuse, recording: &Recording) {
    assert_sound(mock);
    let rows = mock.rows();
    let expected = &recording.expected;
    let reachable = &expected["in_transcripts"];
    let generations: Vec<&Row> = rows.iter().filter(|row| row.kind == "GENERATION").collect();
    let ids: BTreeSet<&str> = generations.iter().map(|row| row.span_id.as_str()).collect();
    assert_eq!(ids, ids_of_messages(recording).iter().map(String::as_str).collect());
    assert_eq!(generations.len(), ids.len(), "one row for each message");
    assert_eq!(generations.len(), count(&reachable["distinct_message_ids"]), "generations");
    assert_eq!(tokens(&generations), counts(&reachable["tokens_max_per_id"]), "tokens");
    let tools = tools(&rows);
    assert_eq!(tools.values().sum::<usize>(), count(&reachable["tool_use_ids"]), "tool calls");
    let played = counts(&expected["tool_calls"]);
    // An answer that was cut off after its tool call counts as not sent.
    if played.values().sum::<usize>() == count(&reachable["tool_use_ids"]) {
        assert_eq!(tools, played, "tool calls by name");
    }
    assert_agents(&rows, recording);
    if expected["check"].to_string().contains("agrees") {
        assert_agent_marks(&rows, &expected["by_lane"]);
    }
}

fn assert_agents(rows: &[Row], recording: &Recording) {
    let expected = &recording.expected;
    let agents = rows.iter().filter(|row| row.kind == "AGENT");
    let (turns, agents): (Vec<&Row>, Vec<&Row>) = agents.partition(|row| is_turn(row));
    let warmups = agents.iter().filter(|row| is_warmup(row)).count();
    match count(&expected["in_transcripts"]["agent_ids"]) {
        // Releases before agents had their own files.
        0 => assert_eq!(agents.len(), whole(&expected["subagents"]), "subagents"),
        files => assert_eq!(agents.len(), files, "subagents and warmups"),
    }
    if !expected["subagents"].is_null() {
        assert_eq!(agents.len() - warmups, whole(&expected["subagents"]), "subagents");
    }
    if !expected["turns"].is_null() {
        assert_eq!(turns.len(), count(&expected["turns"]), "turns");
    }
}

/// An agent that Claude Code started itself.
fn is_warmup(row: &Row) -> bool {
    row.metadata.contains_key("warmup")
}

fn is_turn(row: &Row) -> bool {
    crate::sandbox::is_turn(row) && !is_warmup(row)
}

/// Checks for every session.
pub(super) fn assert_sound(mock: &MockLangfuse) {
    mock.assert_nothing_lost();
    let rows = mock.rows();
    assert!(!rows.is_empty());
    for row in &rows {
        let what = format!("{} {} {}", row.kind, row.name, row.span_id);
        assert!(row.end_ms >= row.start_ms, "{what} ends before it starts");
        assert!(
            row.parent_span_id.is_none() || parent(row, &rows).is_some(),
            "{what} has no parent"
        );
    }
    let roots = rows.iter().filter(|row| row.parent_span_id.is_none());
    let mut roots: Vec<&str> = roots.map(|row| row.trace_id.as_str()).collect();
    roots.sort_unstable();
    let traces: BTreeSet<&str> = rows.iter().map(|row| row.trace_id.as_str()).collect();
    assert_eq!(roots, traces.into_iter().collect::<Vec<_>>(), "one root for each trace");
    assert_once(mock);
}

/// Nothing is duplicate, and no generation was sent twice.
pub(super) fn assert_once(mock: &MockLangfuse) {
    let rows = mock.rows();
    // With another start time the server would keep both rows permanently.
    let spans: BTreeSet<&str> = rows.iter().map(|row| row.span_id.as_str()).collect();
    assert_eq!(spans.len(), rows.len(), "one row for each span");
    let sent = mock.accepted_spans();
    let sent: Vec<&str> = sent
        .iter()
        .filter(|row| row.kind == "GENERATION")
        .map(|row| row.span_id.as_str())
        .collect();
    let once: BTreeSet<&str> = sent.iter().copied().collect();
    assert_eq!(sent.len(), once.len(), "each generation is sent once: {sent:?}");
}

fn ids_of_messages(recording: &Recording) -> BTreeSet<String> {
    let files = recording.sessions.iter().chain(&recording.agents);
    let rows = files
        .flat_map(|file| file.rows())
        .filter(|row| row["type"] == "assistant" && row["message"]["model"] != "<synthetic>");
    rows.map(|row| span_id(row["message"]["id"].as_str().unwrap())).collect()
}

/// The documented id: the first 16 hex digits of a hash of kind and id.
fn span_id(message_id: &str) -> String {
    let digest = Sha256::digest(format!("generation:{message_id}"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn assert_agent_marks(rows: &[Row], expected: &Value) {
    let mut by_mark: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kind == "GENERATION") {
        by_mark.entry(agent_mark(row, rows)).or_default().push(row);
    }
    let names: Vec<&String> = by_mark.keys().collect();
    let expected = expected.as_object().unwrap();
    assert_eq!(names, expected.keys().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
    for (name, generations) in &by_mark {
        let mut have = tokens(generations);
        have.insert("generations".to_owned(), generations.len());
        assert_eq!(have, counts(&expected[name]), "agent {name}");
    }
}

/// The mark in the prompt of the agent above a row; `main` is a turn's own.
fn agent_mark(row: &Row, rows: &[Row]) -> String {
    let above = parent(row, rows).expect("a root is an agent");
    match (above.kind.as_str(), above.parent_span_id.is_some()) {
        ("AGENT", false) => "main".to_owned(),
        ("AGENT", true) => {
            let prompt = above.input.as_deref().unwrap_or_default();
            let mark = prompt.split_once("[[lane:").and_then(|(_, rest)| rest.split_once("]]"));
            mark.map_or_else(|| "(no mark)".to_owned(), |(name, _)| name.to_owned())
        }
        _ => agent_mark(above, rows),
    }
}

fn parent<'a>(row: &Row, rows: &'a [Row]) -> Option<&'a Row> {
    let id = row.parent_span_id.as_ref()?;
    rows.iter().find(|other| other.span_id == *id && other.trace_id == row.trace_id)
}

fn tools(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut tools = BTreeMap::new();
    for row in rows.iter().filter(|row| ["TOOL", "RETRIEVER"].contains(&&*row.kind)) {
        *tools.entry(row.name.clone()).or_default() += 1;
    }
    tools
}

fn tokens(generations: &[&Row]) -> BTreeMap<String, usize> {
    let sum = |columns: &[&str]| {
        let values =
            generations.iter().flat_map(|row| columns.iter().map(|name| row.usage.get(*name)));
        usize::try_from(values.flatten().sum::<u64>()).unwrap()
    };
    TOKENS.iter().map(|(name, columns)| ((*name).to_owned(), sum(columns))).collect()
}

fn counts(expected: &Value) -> BTreeMap<String, usize> {
    let members = expected.as_object().expect("an object of counts").iter();
    members.map(|(name, value)| (name.clone(), count(value))).collect()
}

/// A count that is omitted if it is 0.
fn whole(value: &Value) -> usize {
    value.as_u64().map_or(0, |_| count(value))
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a count")).unwrap()
}
