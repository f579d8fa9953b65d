//! Stored rows as a tree of traces, for people: one line per observation.

use serde_json::Value;

use super::rows::Row;
use super::tools::call_name;
use super::trace::sessions;

/// All rows as trees, session by session.
pub fn render(rows: &[Row]) -> String {
    render_with(rows, None)
}

/// The same with the beginning of input and output, so many characters of each.
pub fn render_with(rows: &[Row], text: Option<usize>) -> String {
    let mut out = String::new();
    for (session, traces) in sessions(rows) {
        if !out.is_empty() {
            out.push('\n');
        }
        out += &format!("session {}\n", session.unwrap_or("(none)"));
        for trace in traces {
            out += &format!("trace {}  [{}]\n", trace.name(), trace.head().tags.join(", "));
            trace.walk(|prefix, row, note| out += &format!("{prefix}{}{note}\n", line(row, text)));
        }
    }
    out
}

fn line(row: &Row, text: Option<usize>) -> String {
    let mut parts = vec![format!("{} {}", row.kind.to_lowercase(), row.name)];
    parts.extend(row.model.clone());
    if !row.usage.is_empty() {
        parts.push(tokens(row));
        parts.extend(row.total_cost().map(|dollars| format!("${dollars:.4}")));
    }
    if row.end_ms != row.start_ms {
        parts.push(duration(row.end_ms - row.start_ms));
    }
    if row.level != "DEFAULT" {
        let message =
            row.status_message.as_deref().map(|message| format!(": {}", one_line(message)));
        parts.push(format!("{}{}", row.level, message.unwrap_or_default()));
    }
    if let Some(width) = text {
        let gist = |text: &Option<String>| text.as_deref().map(|text| shorten(&gist(text), width));
        parts.extend(gist(&row.input).map(|text| format!("‹ {text}")));
        parts.extend(gist(&row.output).map(|text| format!("› {text}")));
    }
    parts.join("  ")
}

fn tokens(row: &Row) -> String {
    let sum = |wanted: fn(&str) -> bool| -> u64 {
        row.usage.iter().filter(|(kind, _)| wanted(kind)).map(|(_, count)| count).sum()
    };
    format!(
        "in {} · read {} · write {} · out {}",
        sum(|kind| kind == "input" || kind == "input_tokens"),
        sum(|kind| kind.contains("read") || kind.contains("cached")),
        sum(|kind| kind.contains("creation")),
        sum(|kind| kind.starts_with("output")),
    )
}

fn duration(ms: i64) -> String {
    match ms {
        -999..1000 => format!("{ms}ms"),
        -59_999..60_000 => format!("{}.{}s", ms / 1000, ms.abs() % 1000 / 100),
        _ => format!("{}m{:02}s", ms / 60_000, ms.abs() % 60_000 / 1000),
    }
}

/// The gist of a message: the last text in it, or the tools it calls.
fn gist(text: &str) -> String {
    let Some(value) =
        super::javascript::parse(text).filter(|value| value.is_object() || value.is_array())
    else {
        return one_line(text);
    };
    let message = value.as_array().and_then(|messages| messages.last()).unwrap_or(&value);
    let content = match &message["content"] {
        Value::String(content) => content.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    };
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let calls: Vec<String> = calls.filter_map(call_name).map(|name| format!("→ {name}")).collect();
    let said = [content, calls.join(" ")].join(" ").trim().to_owned();
    one_line(if said.is_empty() { text } else { &said })
}

/// Text on one line: line ends and tabs by their signs.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => "⏎".to_owned(),
            '\t' => "⇥".to_owned(),
            control if control.is_control() => control.escape_default().to_string(),
            other => other.to_string(),
        })
        .collect()
}

fn shorten(text: &str, width: usize) -> String {
    let cut: String = text.chars().take(width).collect();
    if cut.len() == text.len() { cut } else { cut + "…" }
}
