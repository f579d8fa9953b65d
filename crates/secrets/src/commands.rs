//! Secrets as arguments of commands that have no flag for them: `htpasswd -b file user SECRET`, `ConvertTo-SecureString "SECRET"`.

use super::alphabet::byte;
use super::extent::{self, Extent};
use super::hit::Hit;
use super::placeholders::is_placeholder;

/// The last argument of `htpasswd -b`. `at` is at the program.
pub(super) fn htpasswd(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let mut word = argument(bytes, at + "htpasswd ".len());
    let (mut is_given, mut is_printed) = (false, false);
    while let Some(flags) = text.get(word.start..word.end)?.strip_prefix('-') {
        is_given |= flags.contains('b');
        // Then no file is named.
        is_printed |= flags.contains('n');
        word = argument(bytes, after(bytes, word));
    }
    for _ in 0..if is_printed { 1 } else { 2 } {
        word = argument(bytes, after(bytes, word));
    }
    if is_given { password(text, word) } else { None }
}

/// PowerShell's plain text of a password. `at` is at the command.
pub(super) fn secure_string(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let mut word = argument(bytes, at + "ConvertTo-SecureString ".len());
    while text.get(word.start..word.end)?.starts_with('-') {
        word = argument(bytes, after(bytes, word));
    }
    password(text, word)
}

fn argument(bytes: &[u8], at: usize) -> Extent {
    let rest = bytes.get(at..).unwrap_or_default();
    let at = at + rest.iter().take_while(|byte| **byte == b' ').count();
    extent::argument(bytes, at, false)
}

/// The position after a word and its closing quote, which may be escaped.
fn after(bytes: &[u8], word: Extent) -> usize {
    let slashes = extent::backslashes(bytes, word.end);
    let is_quoted = matches!(byte(bytes, word.end + slashes), b'"' | b'\'');
    if is_quoted { word.end + slashes + 1 } else { word.end }
}

fn password(text: &str, value: Extent) -> Option<Hit> {
    let secret = text.get(value.start..value.end)?;
    let is_one = secret.len() >= 3 && !secret.starts_with(['(', '-']) && !is_placeholder(secret);
    is_one.then(|| Hit::by_context(value.start, value.end, "password"))
}
