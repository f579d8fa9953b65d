//! Unified diffs, for dry runs.

use similar::TextDiff;

/// The unified diff of two texts; empty if they are equal.
pub(in crate::commands) fn unified(name: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .missing_newline_hint(false)
        .header(name, name)
        .to_string()
}
