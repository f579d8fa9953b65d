//! Unified diffs, for dry runs.

use std::io::{self, Write};
use std::path::Path;

use secrets::Patterns;
use similar::TextDiff;

use crate::config::masked;
use crate::user_file::lossy;

/// Prints the changes of a file, with secrets masked and nothing else left out.
pub(in crate::commands) fn print_masked_diff(
    out: &mut impl Write,
    path: &Path,
    before: &[u8],
    after: &[u8],
) -> io::Result<()> {
    let name = path.display().to_string();
    let (before, after) = (lossy(before), lossy(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut unified = diff.unified_diff();
    unified.context_radius(3).header(&name, &name);
    for line in unified.to_string().split_inclusive('\n') {
        out.write_all(mask_line(line).as_bytes())?;
    }
    Ok(())
}

fn mask_line(line: &str) -> String {
    // No rule recognises a secret in a header.
    if let Some((name, _)) = line.split_once("LANGFUSE_HEADERS\":") {
        return format!("{name}LANGFUSE_HEADERS\": \"…\"\n");
    }
    let patterns = Patterns::default();
    let mut whole = String::with_capacity(line.len());
    let mut done = 0;
    for secret in secrets::find(line, &patterns) {
        whole.push_str(line.get(done..secret.range.start).unwrap_or_default());
        whole.push_str(&masked(line.get(secret.range.clone()).unwrap_or_default()));
        done = secret.range.end;
    }
    whole.push_str(line.get(done..).unwrap_or_default());
    // A terminal would obey other control characters.
    let is_harmless = |one: char| !one.is_control() || matches!(one, '\t' | '\r' | '\n');
    whole.chars().map(|one| if is_harmless(one) { one } else { '\u{fffd}' }).collect()
}
