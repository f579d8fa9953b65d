//! The name of a value: before the assignment, before the value's type, or in the preceding pair.

use super::alphabet::{ALNUM, DOTTED, before, byte};
use super::extent;
use super::names::{self, Noun, noun_of};
use super::{colour, words};

/// The name before a separator.
pub(super) struct Name<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    /// It is quoted, as in JSON.
    pub(super) quoted: bool,
}

impl Name<'_> {
    /// Whether it is this word, in any case, or ends with it after a list's dash or a dot.
    pub(super) fn is(&self, word: &str) -> bool {
        self.text.len() >= word.len()
            && self.text.trim_start_matches(['-', '.']).eq_ignore_ascii_case(word)
    }
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
    if before(bytes, end) == b'\n' {
        // JSON may have a line end before its colon.
        end = back(end, 64, |byte| byte.is_ascii_whitespace());
        matches!(before(bytes, end), b'"' | b'\'').then_some(())?;
    }
    end = colour::start(bytes, end);
    if before(bytes, end) == b'*' {
        // Markdown's bold.
        end = back(end, 2, |byte| byte == b'*');
    }
    end = back(end, 1, |byte| byte == b']');
    let mut unquoted = back(end, 1, |byte| matches!(byte, b'"' | b'\'' | b'`'));
    if unquoted == end && matches!(before(bytes, end), b';' | b'2' | b'7') {
        unquoted = end - extent::escaped_quote_before(bytes, end);
    }
    let quoted = unquoted < end;
    if quoted {
        end = back(unquoted, 32, |byte| byte == b'\\');
    }
    let length = DOTTED.run_before(bytes, end, names::MAX_NAME_BYTES + 1);
    let mut start = end - length;
    if length == 0 {
        let is_foreign = before(bytes, end) > 127;
        return if is_foreign { words::foreign(text.get(..end)?, quoted) } else { None };
    }
    // An escaped quote before it: `\u0022name`.
    if quoted && before(bytes, start) == b'\\' {
        start += extent::escaped_quote(bytes, start - 1).map_or(0, |quote| quote.len() - 1);
    }
    // The letter of an escape belongs to the previous line.
    if length > 1
        && before(bytes, start) == b'\\'
        && matches!(byte(bytes, start), b'n' | b'r' | b't')
    {
        start += 1;
    }
    // A colour's number and letter do too: `[31mname`.
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

/// `name: PASSWORD` or `key="Password"` directly before this `value:`, also in a diff and with the numbers of lines.
pub(super) fn named_before<'a>(text: &'a str, name: &Name<'_>) -> Option<&'a str> {
    let (owner, key) = pair_before(text, name.start)?;
    // In a diff the replaced value is between them.
    let (owner, key) = if key.is("value") { pair_before(text, key.start)? } else { (owner, key) };
    (key.is("name") || key.is("key")).then_some(owner.text)
}

/// The value and the name of the pair that ends before `end`.
fn pair_before(text: &str, end: usize) -> Option<(Name<'_>, Name<'_>)> {
    let mut head = text.get(..end)?;
    for _ in 0..8 {
        let bare = without_line_head(head);
        if bare.len() == head.len() {
            break;
        }
        head = bare;
    }
    let owner = name_before(text, head.len())?;
    let key = text.get(..owner.start)?.trim_end_matches(['"', '\'', '\\', ' ', '\t']);
    let key = key.strip_suffix([':', '='])?;
    let key = name_before(text, key.len())?;
    Some((owner, key))
}

/// `"name": "PASSWORD"` directly after the `value` that begins at `at`.
pub(super) fn named_behind<'a>(text: &'a str, name: &Name<'_>, at: usize) -> Option<&'a str> {
    if !name.quoted {
        return None;
    }
    let value = extent::quoted(text.as_bytes(), at)?;
    let rest = text.get(value.end..)?.get(..200).or_else(|| text.get(value.end..))?;
    let (gap, rest) = rest.split_at(rest.find(|first: char| first.is_ascii_alphabetic())?);
    let is_next = gap.contains(',') && !gap.contains(['{', '}', '[', ']', ':']);
    let (gap, rest) = rest.split_at(rest.find(['"', '\'', '\\'])?);
    if !is_next || !["name", "key"].iter().any(|one| gap.eq_ignore_ascii_case(one)) {
        return None;
    }
    let rest = rest.trim_start_matches(['"', '\'', '\\', ' ']).strip_prefix(':')?;
    let rest = rest.trim_start_matches(['"', '\'', '\\', ' ']);
    rest.get(..DOTTED.run(rest.as_bytes(), 0, names::MAX_NAME_BYTES))
}

/// `Secret access key: …`, `API key: …`: the name in words.
pub(super) fn in_words(text: &str, name: &Name<'_>) -> Option<Noun> {
    if name.quoted {
        return None;
    }
    let head = text.get(..name.start)?.strip_suffix([' ', '-'])?;
    let word = head.get(head.len() - ALNUM.run_before(head.as_bytes(), head.len(), 12)..)?;
    noun_of(&[word, "_key"].concat())
}

/// The maximum length of an HTML tag.
const MAX_TAG_BYTES: usize = 300;

/// `<input type="password" value="…">`: the noun of a field that hides its text.
pub(super) fn of_input(text: &str, name: &Name<'_>, at: usize) -> Option<Noun> {
    let bytes = text.as_bytes();
    // Programs often have `value = `. Only an attribute has its text directly after the sign.
    let is_attribute =
        name.start + name.text.len() + 1 == at && matches!(byte(bytes, at), b'"' | b'\'' | b'\\');
    if name.quoted || !is_attribute || !before(bytes, name.start).is_ascii_whitespace() {
        return None;
    }
    let head = text.as_bytes().get(name.start.saturating_sub(MAX_TAG_BYTES)..name.start)?;
    let open = head.iter().rposition(|byte| matches!(byte, b'<' | b'>'))?;
    let start = name.start - head.len() + open;
    let tag = text.get(start..)?.strip_prefix('<')?;
    let length = tag.bytes().take(2 * MAX_TAG_BYTES).position(|byte| byte == b'>');
    let tag = tag.get(..length?)?.to_ascii_lowercase();
    let tag = tag.replace(['\\', '"', '\''], "");
    tag.contains("type=password").then_some(Noun::Password)
}

/// The text without the separator between a value and the next name: the line end, and before the next name the sign
/// of a diff or a number.
fn without_line_head(head: &str) -> &str {
    let between = [' ', '\t', '\n', '\r', ',', '"', '\'', '\\', '-', '+', '\u{2192}'];
    let bare = head.trim_end_matches(between);
    let bare = bare.strip_suffix("\\n").or_else(|| bare.strip_suffix("\\t")).unwrap_or(bare);
    let is_numbered =
        head.get(bare.len()..).is_some_and(|rest| rest.starts_with(['\t', '\\', '\u{2192}']));
    let unnumbered = bare.trim_end_matches(|last: char| last.is_ascii_digit());
    let opens_line = unnumbered.is_empty() || unnumbered.ends_with([' ', '\n', 'n']);
    if is_numbered && opens_line { unnumbered } else { bare }
}

/// Whether an escape for a line end or a tab ends here.
pub(super) fn is_after_escape(bytes: &[u8], at: usize) -> bool {
    matches!(before(bytes, at), b'n' | b'r' | b't') && before(bytes, at.saturating_sub(1)) == b'\\'
}
