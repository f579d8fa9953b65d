//! The contract of Langfuse's metadata: [`validate`] checks every row of every recording.

use claude_langfuse::trace::metadata::{MetadataKey, SCHEMA_VERSION};
use serde_json::{Value, json};

use langfuse_mock::{Row, tool_calls_are_rendered};

/// Names of observations that are not tools.
const NAMES: &[(&str, &[&str])] = &[
    ("GENERATION", &["chat"]),
    ("CHAIN", &["workflow"]),
    ("SPAN", &["compaction"]),
    (
        "EVENT",
        &[
            "steering",
            "notification",
            "api error",
            "api retry",
            "interrupted",
            "model fallback",
            "stop blocked",
            "commit",
            "pull request",
        ],
    ),
];

/// Checks a row against `docs/metadata.md` and the other rules for rows.
pub(crate) fn validate(row: &Row) {
    let what = format!("{} {:?} {}", row.kind, row.name, row.span_id);
    let faults =
        [keys(row), names(row), usage(row), times(row), content(row), tool_calls(row)].concat();
    assert!(faults.is_empty(), "{what}: {}", faults.join("; "));
}

/// Every key is in the contract, at a valid place for this row.
fn keys(row: &Row) -> Vec<String> {
    let metadata = row.own_metadata();
    let allowed = places(row);
    let known = |name: &str| MetadataKey::ALL.iter().find(|key| key.name() == name);
    let mut faults = Vec::new();
    for name in metadata.keys() {
        match known(name) {
            None => faults.push(format!("{name:?} is not in the contract")),
            Some(key) if !allowed.contains(&&*format!("{:?}", key.place()).to_lowercase()) => {
                faults.push(format!("{name:?} stands on a {}", row.kind));
            }
            Some(_) => {}
        }
    }
    if metadata.get("schema_version") != Some(&SCHEMA_VERSION) {
        faults.push("no schema_version".to_owned());
    }
    // With another scope the server keeps every attribute twice.
    if row.metadata.keys().any(|name| name.starts_with("attributes.")) {
        faults.push("attributes are stored twice".to_owned());
    }
    faults
}

/// The valid places for a row's keys, by their names in the documentation.
fn places(row: &Row) -> Vec<&'static str> {
    let own: &[&str] = match (row.kind.as_str(), is_below_a_turn(row)) {
        ("AGENT", false) => &["turn", "root", "notification"],
        ("AGENT", true) => &["agent", "root"],
        ("GENERATION", _) => &["generation"],
        ("TOOL" | "RETRIEVER", _) => &["tool"],
        ("EVENT", _) if row.name == "notification" => &["event", "notification"],
        ("EVENT", _) => &["event"],
        ("CHAIN", _) => &["workflow"],
        _ => &["compaction"],
    };
    [&["trace", "any"], own].concat()
}

/// An agent that Claude Code started itself, or an unlinked one, has its own trace.
fn is_below_a_turn(row: &Row) -> bool {
    let is_agent = ["warmup", "unlinked_agent"].iter().any(|key| row.metadata.contains_key(*key));
    row.parent_span_id.is_some() || is_agent
}

/// Names are few, and never a prompt, a command or a description.
fn names(row: &Row) -> Vec<String> {
    let plain = |name: &str| {
        let plain = |character: char| character.is_alphanumeric() || "_-.:".contains(character);
        !name.is_empty() && name.len() <= 100 && name.chars().all(plain)
    };
    let good = match (row.kind.as_str(), is_below_a_turn(row)) {
        ("AGENT", false) => row.name == "claude-code",
        ("AGENT", true) | ("TOOL", _) => plain(&row.name),
        ("RETRIEVER", _) => ["WebSearch", "WebFetch"].contains(&&*row.name),
        (kind, _) => NAMES.iter().any(|(of, names)| *of == kind && names.contains(&&*row.name)),
    };
    let trace = row.trace_name.as_deref().unwrap_or_default();
    let mut faults = Vec::new();
    if !good {
        faults.push("a name that is not in the design".to_owned());
    }
    let project = row.metadata.get("project").map_or("", String::as_str);
    let named = if project.is_empty() {
        "Claude Code".to_owned()
    } else {
        format!("Claude Code: {project}")
    };
    if trace != named {
        faults.push(format!("a trace called {trace:?}"));
    }
    if !row.tags.iter().any(|tag| tag == "claude-code") || row.session_id.is_none() {
        faults.push("no tag claude-code, or no session".to_owned());
    }
    faults
}

/// Only generations have models and tokens.
fn usage(row: &Row) -> Vec<String> {
    let is_generation = row.kind == "GENERATION";
    let mut faults = Vec::new();
    if row.usage.is_empty() == is_generation {
        faults.push(format!("usage {:?}", row.usage));
    }
    if row.model.is_some() != is_generation {
        faults.push(format!("model {:?}", row.model));
    }
    if row.to_json().to_string().contains("<synthetic>") {
        faults.push("<synthetic> is no model".to_owned());
    }
    faults
}

/// Langfuse hides an observation without input or output. A root without a real answer differs by its level and its
/// metadata.
fn content(row: &Row) -> Vec<String> {
    let is_bracket = |text: &str| text.starts_with('[') && text.ends_with(']') && text.len() < 40;
    let mut faults = Vec::new();
    if !row.is_listed() {
        faults.push("hidden: no input or no output".to_owned());
    }
    let output = row.output.as_deref().unwrap_or_default();
    let is_root = row.kind == "AGENT" || row.parent_span_id.is_none();
    let is_left_out = row.level != "DEFAULT" && row.metadata.contains_key("outcome");
    let is_captured = !output.starts_with("[not captured");
    if is_root && is_bracket(output) && is_captured && !is_left_out {
        faults.push(format!("a root that says {output} and cannot be filtered out"));
    }
    faults
}

/// Langfuse's trace page renders the tool calls of an output, and their arguments are JSON.
fn tool_calls(row: &Row) -> Vec<String> {
    let output = row.output.as_deref().map(serde_json::from_str::<Value>);
    let Some(Ok(output)) = output else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    if !tool_calls_are_rendered(&output) {
        faults.push(format!("tool calls as a raw table: {output}"));
    }
    for call in output["tool_calls"].as_array().into_iter().flatten() {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        if serde_json::from_str::<Value>(arguments).is_err() {
            faults.push(format!("arguments that are no JSON text: {call}"));
        }
    }
    faults
}

/// No span ends before it starts, and a first token is in between.
fn times(row: &Row) -> Vec<String> {
    let within = |time: i64| (row.start_ms..=row.end_ms).contains(&time);
    let first_token = row.completion_start_ms;
    let mut faults = Vec::new();
    if row.end_ms < row.start_ms || row.start_ms < 1_500_000_000_000 {
        faults.push(format!("{}..{} ms", row.start_ms, row.end_ms));
    }
    if !first_token.is_none_or(within) || first_token.is_some() != (row.kind == "GENERATION") {
        faults.push(format!("first token {first_token:?}"));
    }
    faults
}

/// A row that violates one rule is rejected for that rule.
#[test]
fn the_validator_sees_every_breach() {
    let good = json!({
        "type": "GENERATION", "name": "chat", "trace_name": "Claude Code", "span_id": "1", "level": "DEFAULT", "input": "a", "output": "b",
        "parent_span_id": "2", "start_ms": 1_700_000_000_000_i64, "end_ms": 1_700_000_000_001_i64,
        "completion_start_ms": 1_700_000_000_001_i64, "model": "claude-opus-4-5", "session_id": "session",
        "tags": ["claude-code"], "usage": {"input": 1}, "metadata": {"schema_version": SCHEMA_VERSION},
    });
    let good = Row::from_json(good.as_object().unwrap().clone());
    validate(&good);
    type Breach = fn(&mut Row);
    let breaches: [(&str, Breach); 12] = [
        ("unknown key", |row| drop(row.metadata.insert("colour".to_owned(), "red".to_owned()))),
        ("key of a tool", |row| drop(row.metadata.insert("mcp_server".to_owned(), "s".to_owned()))),
        ("no version", |row| row.metadata.clear()),
        ("prompt as name", |row| row.name = "Say hello".to_owned()),
        ("name of the trace", |row| row.trace_name = Some("Say hello".to_owned())),
        ("no tag", |row| row.tags.clear()),
        ("usage of a tool", |row| row.kind = "TOOL".to_owned()),
        ("no usage", |row| row.usage.clear()),
        ("ends too early", |row| row.end_ms -= 2),
        ("no input", |row| row.input = None),
        ("empty output", |row| row.output = Some(" ".to_owned())),
        ("first token too late", |row| row.completion_start_ms = Some(row.end_ms + 1)),
    ];
    for (what, breach) in breaches {
        let mut row = good.clone();
        breach(&mut row);
        let faults = [keys(&row), names(&row), usage(&row), times(&row), content(&row)].concat();
        assert!(!faults.is_empty(), "{what}");
    }
}
