//! Values on the line below their name, and prefixes of lines by tools: the sign of a diff, a number.

use super::alphabet::{before, byte};
use super::extent::{self, Extent};
use super::names::Noun;
use super::random::has_random_letters;
use super::values::{Style, looks_generated};

/// The maximum indentation of a line.
const MAX_INDENT: usize = 200;

/// Whether a line begins at `at`.
pub(super) fn opens(bytes: &[u8], at: usize) -> bool {
    matches!(before(bytes, at), 0 | b'\n' | b'\r' | b'"' | b'\'')
        || super::name::is_after_escape(bytes, at)
}

/// The position of the value, if the line ends at `at` and the value is alone on the next one: YAML's block, a
/// shell's continued line, JSON with a line end after its colon.
pub(super) fn value_below(text: &str, at: usize, noun: Noun) -> Option<(Extent, Style)> {
    let bytes = text.as_bytes();
    let first = byte(bytes, at);
    if !matches!(first, b'\n' | b'\r' | b'\\' | b'|' | b'>')
        || matches!(noun, Noun::Authorization | Noun::Cookie)
    {
        return None;
    }
    let is_marked = matches!(first, b'|' | b'>');
    let sign = usize::from(is_marked);
    let sign = sign + usize::from(is_marked && matches!(byte(bytes, at + 1), b'-' | b'+'));
    let (line, is_escaped) = next_line(bytes, at + sign)?;
    let start = after_head(bytes, line);
    let quoted = extent::quoted(bytes, start);
    let value = quoted.unwrap_or_else(|| extent::bare(bytes, start, true));
    let secret = text.get(value.start..value.end)?;
    let is_alone =
        if is_escaped { extent::ends_line(bytes, value.end) } else { is_alone(bytes, value) };
    let stands_by_itself = || {
        let is_name = secret.ends_with(':') || secret.contains("=");
        !is_name && looks_generated(secret) || noun != Noun::Token && has_random_letters(secret, 12)
    };
    let style = if quoted.is_some() { Style::Quoted } else { Style::Env };
    (is_alone && (is_marked || quoted.is_some() || stands_by_itself())).then_some((value, style))
}

/// The start of the next line, if this one ends here, and whether the line end is an escape. A shell's line continues
/// after a backslash.
fn next_line(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let slashes = extent::backslashes(bytes, at);
    let end = at + slashes + usize::from(byte(bytes, at + slashes) == b'\r');
    match byte(bytes, end) {
        b'\n' if slashes < 2 => Some((end + 1, false)),
        b'n' if slashes > 0 => Some((end + 1, true)),
        _ => None,
    }
}

/// The first character of a line's text, after the sign of a diff, a number and spaces.
fn after_head(bytes: &[u8], line: usize) -> usize {
    let line = line + usize::from(matches!(byte(bytes, line), b'+' | b'-'));
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let run = |at: usize, is: &dyn Fn(&u8) -> bool| {
        let rest = bytes.get(at..).unwrap_or_default();
        at + rest.iter().take(MAX_INDENT).take_while(|byte| is(byte)).count()
    };
    let start = run(line, &is_blank);
    let digits = run(start, &u8::is_ascii_digit);
    let numbered = byte(bytes, digits) == b'\t';
    let arrow = bytes.get(digits..).is_some_and(|rest| rest.starts_with("\u{2192}".as_bytes()));
    match (digits > start, numbered, arrow) {
        (true, true, _) => run(digits, &is_blank),
        (true, _, true) => run(digits + "\u{2192}".len(), &is_blank),
        _ => start,
    }
}

fn is_alone(bytes: &[u8], value: Extent) -> bool {
    let rest = bytes.get(value.end..).unwrap_or_default();
    let closing = rest.iter().take(8).take_while(|byte| b" \t\"'`,;\\}".contains(byte)).count();
    value.end > value.start && matches!(rest.get(closing), None | Some(b'\n' | b'\r'))
}
