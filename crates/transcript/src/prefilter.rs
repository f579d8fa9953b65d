//! Recognises rows that no span needs, by type. They hold most bytes of a transcript, and one of them may have any
//! length.

use super::classify::Reading;
use super::scan;

/// Row types that some span needs.
const NEEDED: &[&str] = &[
    "ai-title",
    "api-request",
    "assistant",
    "attachment",
    "continued-in",
    "cost-state",
    "custom-title",
    "fork-context-ref",
    "pr-link",
    "queue-operation",
    "system",
    "user",
];

/// Known row types that no span needs.
const UNNEEDED: &[&str] = &[
    "agent-color",
    "agent-name",
    "api-request-blob",
    "api-request-shape",
    "atis-latch",
    "bridge-session",
    "content-replacement",
    "file-history-delta",
    "file-history-snapshot",
    "last-prompt",
    "mode",
    "permission-mode",
    "progress",
    "relocated",
    "session-owner",
    "summary",
    "tag",
    "tools-used",
    "worktree-state",
];

/// Attachments that spans need. The others are most bytes of a 2.1.330 file.
const NEEDED_ATTACHMENTS: &[&str] = &["queued_command", "structured_output", "max_turns_reached"];

/// Whether the first bytes of a row show that no span needs it. 97 % of a one-turn file of 2.1.330 are such rows.
pub(super) fn is_unneeded(row: &[u8]) -> bool {
    match scan::leading_type(row) {
        Some(kind) => is_among(UNNEEDED, kind),
        None => scan::attachment_type(row).is_some_and(|kind| !is_among(NEEDED_ATTACHMENTS, kind)),
    }
}

/// The reading of a row whose first bytes show that no span needs it, so that its rest need not be read.
pub(super) fn skip_unneeded(row: &[u8]) -> Option<Reading> {
    if is_unneeded(row) {
        return Some(Reading::Unneeded);
    }
    let kind = scan::row_type(row)?;
    (!is_among(NEEDED, kind)).then(|| unneeded_row(&String::from_utf8_lossy(kind)))
}

/// Whether a row sets the session's title.
pub fn is_title(row: &[u8]) -> bool {
    matches!(scan::row_type(row), Some(b"custom-title" | b"ai-title"))
}

/// The reading of a row without a record, by its type.
pub(super) fn unneeded_row(kind: &str) -> Reading {
    if is_known(kind) { Reading::Unneeded } else { Reading::Unknown(kind.to_owned()) }
}

pub(super) fn is_known(kind: &str) -> bool {
    is_needed(kind) || UNNEEDED.contains(&kind)
}

pub(super) fn is_needed(kind: &str) -> bool {
    NEEDED.contains(&kind)
}

fn is_among(kinds: &[&str], kind: &[u8]) -> bool {
    kinds.iter().any(|known| known.as_bytes() == kind)
}

#[cfg(test)]
mod tests {
    use super::skip_unneeded;
    use crate::classify::Reading;

    #[test]
    fn skips_only_rows_that_no_span_can_need() {
        let skip = |row: &str| skip_unneeded(row.as_bytes());
        let unneeded = r#"{"uuid":"u","attachment":{"type":"todo_list","x":""#;
        assert!(matches!(skip(unneeded), Some(Reading::Unneeded)));
        let unknown = r#"{"uuid":"u","type":"hologram","x":""#;
        assert!(matches!(skip(unknown), Some(Reading::Unknown(kind)) if kind == "hologram"));
        for needed in [
            r#"{"uuid":"u","type":"user","message":{"content":""#,
            r#"{"uuid":"u","message":{"type":"hologram","content":""#,
            r#"{"uuid":"u","attachment":{"type":"queued_command","x":""#,
        ] {
            assert!(skip(needed).is_none(), "{needed}");
        }
    }
}
