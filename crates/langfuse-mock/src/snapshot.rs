//! Stored rows as canonical text for snapshot tests: everything that matters, once, in a stable order.
//!
//! Facts that all rows of a trace share are shown at the trace; a row that differs shows its own. Left out: the metadata that the
//! server adds (resource and scope hold this crate's version), but not `attributes.*`, which only a wrong scope name brings.

use std::collections::BTreeMap;

use super::javascript::stringify;
use super::rows::Row;
use super::trace::{Trace, sessions};
use super::tree::one_line;

const LONGEST: usize = 200;

/// All rows as text.
pub fn snapshot(rows: &[Row]) -> String {
    let mut out = String::new();
    for (session, traces) in sessions(rows) {
        out += &format!("session {}\n", session.unwrap_or("(none)"));
        for trace in traces {
            write_trace(&trace, &mut out);
        }
    }
    out
}

fn write_trace(trace: &Trace<'_>, out: &mut String) {
    let shared = shared(trace);
    *out += &format!("trace {} {}\n", trace.head().trace_id, one_line(trace.name()));
    for (name, value) in &shared {
        *out += &format!("  {name}: {value}\n");
    }
    trace.walk(|prefix, row, note| {
        let times = (row.start_ms - trace.start_ms(), row.end_ms - trace.start_ms());
        *out += &format!(
            "{prefix}{} {} {} {}..{} ms{note}\n",
            row.kind.to_lowercase(),
            one_line(&row.name),
            row.span_id,
            times.0,
            times.1
        );
        // The facts of a row are below it, beside the line that leads to its children.
        let indent = prefix.replace("└ ", "  ").replace("├ ", "│ ");
        for (name, value) in facts(row, trace.start_ms()) {
            *out += &format!("{indent}    {name}: {value}\n");
        }
        let own = trace_facts(row);
        for (name, value) in own.iter().filter(|(name, value)| shared.get(*name) != Some(value)) {
            *out += &format!("{indent}    {name}: {value}\n");
        }
        for name in shared.keys().filter(|name| !own.contains_key(*name)) {
            *out += &format!("{indent}    {name}: (absent)\n");
        }
    });
}

/// The facts shown at the trace: its first root's own, and the metadata that all its rows have, if there are several.
fn shared(trace: &Trace<'_>) -> BTreeMap<String, String> {
    let head = trace_facts(trace.head());
    let others = || trace.rows.iter().filter(|row| row.key() != trace.head().key());
    let known = |name: &str| !name.starts_with("metadata.") && !name.starts_with("attributes");
    let everywhere =
        |name: &str, value: &String| others().all(|row| trace_facts(row).get(name) == Some(value));
    let alone = trace.rows.len() == 1;
    let shared =
        head.into_iter().filter(|(name, value)| known(name) || (!alone && everywhere(name, value)));
    shared.collect()
}

/// Facts that belong to a trace and are repeated on each of its rows.
fn trace_facts(row: &Row) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), one_line(value));
        }
    };
    put("session", row.session_id.as_deref());
    put("trace name", row.trace_name.as_deref());
    put("user", row.user_id.as_deref());
    put("environment", Some(&row.environment));
    put("release", row.release.as_deref());
    put("version", row.version.as_deref());
    put("tags", Some(row.tags.join(", ").as_str()).filter(|tags| !tags.is_empty()));
    put("public", row.public.then_some("true"));
    let twice = row.metadata.keys().filter(|name| name.starts_with("attributes.")).count();
    let again = format!("{twice} stored again: the scope's name does not begin with langfuse-sdk");
    put("attributes", (twice > 0).then_some(&again));
    for (name, value) in row.own_metadata() {
        facts.insert(format!("metadata.{}", one_line(name)), shortened(value));
    }
    facts
}

/// Facts of the observation itself.
fn facts(row: &Row, trace_start: i64) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut put =
        |name: &'static str, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    put("level", Some(row.level.clone()).filter(|level| level != "DEFAULT"));
    put("status", row.status_message.as_deref().map(shortened));
    put("input", row.input.as_deref().map(shortened));
    put("output", row.output.as_deref().map(shortened));
    put("model", row.model.clone());
    put("parameters", Some(stringify(&row.model_parameters)).filter(|text| text != "null"));
    put("first token", row.completion_start_ms.map(|ms| format!("{} ms", ms - trace_start)));
    let list = |entries: Vec<String>| Some(entries.join(", ")).filter(|text| !text.is_empty());
    put("usage", list(row.usage.iter().map(|(kind, count)| format!("{kind} {count}")).collect()));
    put("cost", list(row.cost.iter().map(|(kind, dollars)| format!("{kind} {dollars}")).collect()));
    put("tier", row.tier.clone());
    put("tool calls", list(row.tool_call_names.clone()));
    put("tool definitions", list(row.tool_definitions.keys().cloned().collect()));
    put("prompt", row.prompt_name.clone());
    facts
}

/// Text on one line, cut at 200 characters with its full length.
fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONGEST {
        return one_line(text);
    }
    let cut: String = text.chars().take(LONGEST).collect();
    format!("{}… ({length} characters)", one_line(&cut))
}
