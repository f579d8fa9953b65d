//! Tokens as people read them: from Langfuse's keys, and in words.

use serde_json::{Value, json};
use transcript::Usage;

/// Tokens by Langfuse's keys, as the kinds that Claude Code tells apart.
pub(in crate::commands) fn of_keys(usage: &Value) -> Usage {
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

/// In words: cached input apart, because it has other prices.
pub(in crate::commands) fn said(tokens: &Usage) -> String {
    let parts = kinds(tokens).map(|(kind, count)| format!("{kind} {count}"));
    parts.join(" · ")
}

/// The same without kinds of which there are none.
pub(in crate::commands) fn said_of_some(tokens: &Usage) -> String {
    let some = kinds(tokens).into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = some
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
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

/// For scripts.
pub(in crate::commands) fn as_json(tokens: &Usage) -> Value {
    json!({
        "input": tokens.input, "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write, "output": tokens.output,
    })
}

/// All kinds together.
pub(in crate::commands) fn in_all(tokens: &Usage) -> u64 {
    kinds(tokens).iter().map(|(_, count)| count).sum()
}

/// Three digits at most, for a column: `950`, `12k`, `3.4M`.
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

    use super::{of_keys, said, short};

    #[test]
    fn cache_writes_of_both_lives_count_as_writes() {
        let keys = json!({"input": 1, "input_cache_creation_5m": 2, "input_cache_creation_1h": 3, "input_cache_read": 4, "output": 5, "total": 15});
        assert_eq!(said(&of_keys(&keys)), "in 1 · read 4 · write 5 · out 5");
    }

    #[test]
    fn a_column_takes_counts_of_any_size() {
        let counts = [0, 999, 1_000, 12_345, 999_999, 3_450_000, 7_000_000_000];
        assert_eq!(
            counts.map(short),
            ["0", "999", "1.0k", "12k", "999k", "3.4M", "7.0G"]
        );
    }
}
