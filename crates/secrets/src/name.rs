//! The name of a value: before the sign that assigns, before the value's type, or in the pair before it.

use super::alphabet::{DOTTED, before, byte};
use super::colour;
use super::extent;
use super::names::{self, Noun, noun_of};

/// The name before a separator.
pub(super) struct Name<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    /// Its quotes, as in JSON.
    pub(super) quoted: bool,
}

/// The name that ends at `end`, without spaces, quotes and brackets.
pub(super) fn name_before(text: &str, end: usize) -> Option<Name<'_>> {
    let bytes = text.as_bytes();
    let mut end = end;
    let back = |end: usize, most: usize, is: fn(u8) -> bool| {
        let near = bytes.get(end.saturating_sub(most)..end).unwrap_or_default();
        end - near.iter().rev().take_while(|byte| is(**byte)).count()
    };
    end = back(end, 24, |byte| matches!(byte, b' ' | b'\t'));
    end = colour::start(bytes, end);
    end = back(end, 1, |byte| byte == b']');
    let unquoted = back(end, 1, |byte| matches!(byte, b'"' | b'\'' | b'`'));
    let quoted = unquoted < end;
    if quoted {
        end = back(unquoted, 32, |byte| byte == b'\\');
    }
    let length = DOTTED.run_before(bytes, end, names::MAX_NAME_BYTES + 1);
    let mut start = end - length;
    // The letter of an escape belongs to the line before.
    if length > 1
        && before(bytes, start) == b'\\'
        && matches!(byte(bytes, start), b'n' | b'r' | b't')
    {
        start += 1;
    }
    // So do a colour's number and letter: `[31mname`.
    if matches!(before(bytes, start), b'[' | b';') {
        let digits = bytes.get(start..end)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_colour = digits > 0 && byte(bytes, start + digits) == b'm';
        start += if is_colour { digits + 1 } else { 0 };
    }
    let text = text.get(start..end).filter(|text| !text.is_empty())?;
    Some(Name { text, start, quoted })
}

/// `password: str = …`, `API_KEY: &'static str = …`: the name before the type.
pub(super) fn annotated(text: &str, name: &Name<'_>, at: usize) -> Option<Noun> {
    let bytes = text.as_bytes();
    if byte(bytes, at) != b'=' || name.quoted {
        return None;
    }
    let from = name.start.saturating_sub(24);
    let near = bytes.get(from..name.start)?;
    let colon = near.iter().rposition(|byte| {
        *byte == b':' || !(byte.is_ascii_alphanumeric() || b" &'_<>[]|".contains(byte))
    })?;
    if near.get(colon) != Some(&b':') {
        return None;
    }
    noun_of(name_before(text, from + colon)?.text)
}

/// `name: PASSWORD` or `key="Password"` directly before this `value:`.
pub(super) fn named_before<'a>(text: &'a str, name: &Name<'_>) -> Option<&'a str> {
    if !name.text.trim_start_matches(['-', '.']).eq_ignore_ascii_case("value") {
        return None;
    }
    let mut head = text.get(..name.start)?;
    for _ in 0..8 {
        let bare =
            head.trim_end_matches([' ', '\t', '\n', '\r', ',', '"', '\'', '\\', '-', '+', '→']);
        let bare = without_line_number(bare);
        let bare = bare.strip_suffix("\\n").unwrap_or(bare);
        if bare.len() == head.len() {
            break;
        }
        head = bare;
    }
    let owner = name_before(text, head.len())?;
    let key = text.get(..owner.start)?.trim_end_matches(['"', '\'', '\\', ' ', '\t']);
    let key = key.strip_suffix([':', '='])?;
    let key = name_before(text, key.len())?;
    let is_name = ["name", "key"].iter().any(|one| key.text.eq_ignore_ascii_case(one));
    is_name.then_some(owner.text)
}

/// A text without the number that a tool put before its last line.
fn without_line_number(text: &str) -> &str {
    let bare = text.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_number = bare.len() < text.len();
    let line = bare.trim_end_matches([' ', '\t']);
    if is_number && (line.ends_with('\n') || line.ends_with("\\n")) { line } else { text }
}

/// `,"name":"PASSWORD"` directly behind this `"value":"…"`, whose text begins at `value_at`.
pub(super) fn named_after<'a>(text: &'a str, name: &Name<'_>, value_at: usize) -> Option<&'a str> {
    if !name.quoted || !name.text.eq_ignore_ascii_case("value") {
        return None;
    }
    let bytes = text.as_bytes();
    let value = extent::quoted(bytes, value_at)?;
    let rest = text.get(value.end..)?.trim_start_matches(['"', '\'', '\\']);
    let rest =
        rest.trim_start().strip_prefix(',')?.trim_start_matches([' ', '\n', '\\', '"', '\'']);
    let rest = rest.strip_prefix("name").or_else(|| rest.strip_prefix("key"))?;
    let rest = rest.trim_start_matches(['"', '\'', '\\']).trim_start().strip_prefix(':')?;
    let rest = rest.trim_start_matches([' ', '\\', '"', '\'']);
    rest.get(..DOTTED.run(rest.as_bytes(), 0, names::MAX_NAME_BYTES))
}

/// Whether an escape that stands for the end of a line or a tab ends here.
pub(super) fn is_after_escape(bytes: &[u8], at: usize) -> bool {
    matches!(before(bytes, at), b'n' | b'r' | b't') && before(bytes, at.saturating_sub(1)) == b'\\'
}
