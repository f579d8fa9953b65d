//! What a row is, told by its beginning alone: most bytes of a transcript are of rows that no span needs, and one of those
//! may be of any length.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::classify::Reading;

/// Row types that some span needs.
const NEEDED: &[&str] = &[
    "api-request",
    "assistant",
    "attachment",
    "cost-state",
    "fork-context-ref",
    "queue-operation",
    "system",
    "user",
];

/// Row types that exist and that no span needs.
const NEEDLESS: &[&str] = &[
    "agent-color",
    "agent-name",
    "ai-title",
    "api-request-blob",
    "api-request-shape",
    "atis-latch",
    "bridge-session",
    "content-replacement",
    "custom-title",
    "file-history-delta",
    "file-history-snapshot",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "relocated",
    "session-owner",
    "summary",
    "tag",
    "tools-used",
    "worktree-state",
];

/// Attachments that some span needs. The others are most of the bytes of a 2.1.330 file.
const NEEDED_ATTACHMENTS: &[&str] = &["queued_command", "structured_output", "max_turns_reached"];

/// How much of a long row is looked at; the type of those that are needed stands before their content or after it.
pub(super) const LENGTH: usize = 4096;

const ATTACHMENT: &[u8] = b"\"attachment\":{\"type\":\"";
static FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(ATTACHMENT));

/// Tells from the first bytes, without parsing, that a row is not needed. 97 % of a one-turn file of 2.1.330 is such.
pub(super) fn is_needless(row: &[u8]) -> bool {
    if let Some(rest) = row.strip_prefix(b"{\"type\":\"") {
        return quoted(rest).is_some_and(|kind| is_among(NEEDLESS, kind));
    }
    let head = row.get(..row.len().min(400)).unwrap_or_default();
    let Some(at) = FINDER.find(head) else {
        return false;
    };
    // Nested in another value it could be anything, e.g. a tool's argument.
    let at_top_level = memchr::memchr_iter(b'{', head.get(..at).unwrap_or_default()).count() == 1;
    let kind = quoted(head.get(at + ATTACHMENT.len()..).unwrap_or_default());
    at_top_level && kind.is_some_and(|kind| !is_among(NEEDED_ATTACHMENTS, kind))
}

/// What a row is that is not read to its end, if its first bytes tell that no span needs it.
pub(super) fn skip_unneeded(row: &[u8]) -> Option<Reading> {
    if is_needless(row) {
        return Some(Reading::Needless);
    }
    let kind = top_level(row, b"type")?;
    (!is_among(NEEDED, kind)).then(|| unneeded_row(&String::from_utf8_lossy(kind)))
}

/// What a row of a type is that no span needs.
pub(super) fn unneeded_row(kind: &str) -> Reading {
    if NEEDED.contains(&kind) || NEEDLESS.contains(&kind) {
        Reading::Needless
    } else {
        Reading::Unknown(kind.to_owned())
    }
}

fn is_among(kinds: &[&str], kind: &[u8]) -> bool {
    kinds.iter().any(|known| known.as_bytes() == kind)
}

fn quoted(text: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'"', text).and_then(|end| text.get(..end))
}

/// The text under a name of the row itself, if both stand in its first bytes.
fn top_level<'a>(row: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let head = row.get(..row.len().min(LENGTH)).unwrap_or_default();
    let (mut at, mut depth, mut is_wanted) = (0, 0_usize, false);
    while let Some(byte) = head.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let text = head.get(at..at + length_of_text(head.get(at..)?)?)?;
                at += text.len() + 1;
                let is_name = head.get(at..)?.trim_ascii_start().first() == Some(&b':');
                match (depth, is_name) {
                    (1, true) => is_wanted = text == name,
                    (1, false) if is_wanted => return Some(text),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    None
}

/// Up to the quote that ends a text.
fn length_of_text(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::{skip_unneeded, top_level};
    use crate::classify::Reading;

    #[test]
    fn the_type_is_that_of_the_row_itself() {
        for (row, kind) in [
            (r#"{"type":"user","x":1}"#, Some("user")),
            (r#"{"a":{"type":"x"},"b":["type","y"],"type" : "new""#, Some("new")),
            (r#"{"a":"\"type\":\"x\"","\\":"\\","type":"new"}"#, Some("new")),
            (r#"{"b":"type","c":"new"}"#, None),
            (r#"{"type":1,"c":"new"}"#, None),
            (r#"{"a":"without an end"#, None),
            (r#"{"type":"cut o"#, None),
        ] {
            let found = top_level(row.as_bytes(), b"type");
            assert_eq!(found, kind.map(str::as_bytes), "{row}");
        }
    }

    #[test]
    fn only_what_no_span_can_need_is_of_no_use() {
        let is_of_no_use = |row: &str| skip_unneeded(row.as_bytes());
        let needless = r#"{"uuid":"u","attachment":{"type":"todo_list","x":""#;
        assert!(matches!(is_of_no_use(needless), Some(Reading::Needless)));
        let unknown = r#"{"uuid":"u","type":"hologram","x":""#;
        assert!(
            matches!(is_of_no_use(unknown), Some(Reading::Unknown(kind)) if kind == "hologram")
        );
        for needed in [
            r#"{"uuid":"u","type":"user","message":{"content":""#,
            r#"{"uuid":"u","message":{"type":"hologram","content":""#,
            r#"{"uuid":"u","attachment":{"type":"queued_command","x":""#,
        ] {
            assert!(is_of_no_use(needed).is_none(), "{needed}");
        }
    }
}
