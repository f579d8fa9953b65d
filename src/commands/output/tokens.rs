//! Token counts: from the keys of Langfuse's usage details, and as text.

use serde_json::{Value, json};
use transcript::Usage;

/// Sums the keys of Langfuse's usage details by the kinds of Claude Code.
pub(in crate::commands) fn from_usage_details(usage: &Value) -> Usage {
    let mut tokens = Usage::default();
    for (key, count) in usage.as_object().into_iter().flatten() {
        let count = count.as_u64().unwrap_or_default();
        match key.as_str() {
            "input" => tokens.input += count,
            "output" => tokens.output += count,
            "input_cache_read" => tokens.cache_read += count,
            key if key.starts_with("input_cache_creation") => tokens.cache_write += count,
            _ => {}
        }
    }
    tokens
}

/// All kinds; cached input has prices of its own.
pub(in crate::commands) fn text(tokens: &Usage) -> String {
    let parts = kinds(tokens).map(|(kind, count)| format!("{kind} {count}"));
    parts.join(" · ")
}

/// The kinds with a count.
pub(in crate::commands) fn nonzero(tokens: &Usage) -> String {
    let some = kinds(tokens).into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = some.map(|(kind, count)| format!("{kind} {count}")).collect();
    parts.join(" · ")
}

fn kinds(tokens: &Usage) -> [(&'static str, u64); 4] {
    [
        ("in", tokens.input),
        ("read", tokens.cache_read),
        ("write", tokens.cache_write),
        ("out", tokens.output),
    ]
}

pub(in crate::commands) fn as_json(tokens: &Usage) -> Value {
    json!({
        "input": tokens.input, "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write, "output": tokens.output,
    })
}

/// The sum of all kinds.
pub(in crate::commands) fn total(tokens: &Usage) -> u64 {
    kinds(tokens).iter().map(|(_, count)| count).sum()
}

/// At most three digits, for a table: `950`, `12k`, `3.4M`.
pub(in crate::commands) fn short(count: u64) -> String {
    let scaled = |unit: u64, name: &str| match count / unit {
        whole @ 0..10 => format!("{whole}.{}{name}", count % unit * 10 / unit),
        whole => format!("{whole}{name}"),
    };
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => scaled(1_000, "k"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{from_usage_details, short, text};

    #[test]
    fn cache_writes_of_both_durations_are_summed() {
        let keys = json!({"input": 1, "input_cache_creation_5m": 2, "input_cache_creation_1h": 3, "input_cache_read": 4, "output": 5, "total": 15});
        assert_eq!(text(&from_usage_details(&keys)), "in 1 · read 4 · write 5 · out 5");
    }

    #[test]
    fn short_counts_have_three_digits_at_most() {
        let counts = [0, 999, 1_000, 12_345, 999_999, 3_450_000, 7_000_000_000];
        assert_eq!(counts.map(short), ["0", "999", "1.0k", "12k", "999k", "3.4M", "7.0G"]);
    }
}
