//! Parses the user's patterns: a JSON array, or one per line.

use serde_json::Value;

/// The kind of an unnamed pattern's secrets.
const UNNAMED: &str = "custom";

/// One pattern as written.
pub(super) struct Written {
    pub(super) name: Option<String>,
    pub(super) pattern: String,
    pub(super) is_allowed: bool,
}

/// A JSON array of patterns, named or not; or one pattern per line. `!` before a pattern: its matches are no secrets.
pub(super) fn read(text: &str) -> Result<Vec<Written>, String> {
    let wrong = || "it is neither a JSON array of patterns nor one pattern a line".to_owned();
    let list = match serde_json::from_str::<Vec<Value>>(text) {
        Ok(list) => list,
        Err(_) if text.starts_with("[\"") || text.starts_with("[{") => return Err(wrong()),
        Err(_) => {
            let lines = text.lines().map(str::trim);
            return Ok(lines.filter(|line| !line.is_empty()).map(unnamed).collect());
        }
    };
    list.iter()
        .map(|entry| match entry {
            Value::String(pattern) => Ok(unnamed(pattern)),
            Value::Object(fields) => {
                let text = |key: &str| fields.get(key).and_then(Value::as_str);
                let (pattern, is_allowed) = match (text("pattern"), text("allow")) {
                    (Some(pattern), None) => (pattern, false),
                    (None, Some(pattern)) => (pattern, true),
                    _ => return Err(wrong()),
                };
                Ok(Written {
                    name: text("name").map(str::to_owned),
                    pattern: pattern.to_owned(),
                    is_allowed,
                })
            }
            _ => Err(wrong()),
        })
        .collect()
}

fn unnamed(pattern: &str) -> Written {
    let allowed = pattern.strip_prefix('!');
    Written {
        name: None,
        pattern: allowed.unwrap_or(pattern).to_owned(),
        is_allowed: allowed.is_some(),
    }
}

/// A name for a mask: without brackets, quotes and commas, which would break JSON or the mask.
pub(super) fn kind(name: Option<&str>) -> String {
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(
            |letter| {
                if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }
            },
        )
        .take(40)
        .collect();
    match name.trim_matches('-') {
        "" => UNNAMED.to_owned(),
        name => name.to_owned(),
    }
}

/// The text with which a pattern begins. The library has no search for literals: without this each pattern would cost
/// a hundred milliseconds per megabyte.
pub(super) fn literal(pattern: &str) -> String {
    if pattern.contains('|') || pattern.contains("(?") {
        return String::new();
    }
    let body = pattern.strip_prefix(r"\b").unwrap_or(pattern);
    let end = body
        .find(|letter: char| {
            !(letter.is_ascii_alphanumeric() || "_-:/=@ \"'<>,;%&~".contains(letter))
        })
        .unwrap_or(body.len());
    // The character before one of these may be missing or repeated.
    let is_counted = body.get(end..).is_some_and(|rest| rest.starts_with(['?', '*', '+', '{']));
    let end = end.saturating_sub(usize::from(is_counted));
    body.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn the_beginning_of_a_pattern_must_be_in_the_text() {
        assert_eq!(literal(r"ACME-\d+"), "ACME-");
        assert_eq!(literal(r"\bacme_?[a-z]"), "acme");
        assert_eq!(literal("(?i)acme"), "");
        assert_eq!(literal("acme|other"), "");
        assert_eq!(literal("[a-z]+"), "");
        assert_eq!(literal("a.c"), "a");
    }
}
