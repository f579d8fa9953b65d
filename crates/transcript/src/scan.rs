//! Every look at the bytes of a transcript that does not parse them. Most bytes belong to rows that no span needs, and a
//! session may have 500 MB, so rows are classified, and searched backwards, by bytes.
//!
//! These functions rely on this, and on nothing else:
//! - JSON escapes line ends and quotes within a text. So a line end ends a row, and `"name"` with both of its quotes is a name
//!   or a whole text of the row, never a quotation in the conversation.
//! - Claude Code writes names, types and ids without escapes, as `JSON.stringify` does for ASCII letters. A row with an
//!   escaped type is parsed.
//! - A row has its own `type` at its beginning or within [`HEAD_BYTES`], an attachment has its type within
//!   [`ATTACHMENT_HEAD_BYTES`]. A row that has them elsewhere is parsed.
//!
//! Whitespace between tokens is allowed everywhere, although no release up to 2.1.332 writes any.

use std::sync::LazyLock;

use memchr::memmem::{Finder, rfind_iter};
use memchr::{memchr, memchr_iter, memchr2};
use serde_json::value::RawValue;

/// The part of a row that is searched for its type.
pub(super) const HEAD_BYTES: usize = 4096;
/// The part of a row that is searched for the type of its attachment.
const ATTACHMENT_HEAD_BYTES: usize = 400;

/// The beginning of a conversation row.
static ROW_OF_TREE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(br#"{"parentUuid":"#));
/// The beginning of other rows.
static ROW_WITH_TYPE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(br#"{"type":"#));
static BEHIND_WHOLE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(br#"}{""#));
static UUID: LazyLock<Field> = LazyLock::new(|| Field::new(b"\"uuid\""));
static ID: LazyLock<Field> = LazyLock::new(|| Field::new(b"\"id\""));
static SESSION_ID: LazyLock<Field> = LazyLock::new(|| Field::new(b"\"sessionId\""));
static SESSION_KIND: LazyLock<Field> = LazyLock::new(|| Field::new(b"\"sessionKind\""));
static ATTACHMENT: LazyLock<Field> = LazyLock::new(|| Field::new(b"\"attachment\""));
/// Built once: building it takes as long as searching 10 KB.
static UNICODE_ESCAPE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\\u"));

/// The ids in a row: its uuid, and other ids.
pub(super) fn ids(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    [&*UUID, &*ID].into_iter().flat_map(|field| field.values(row)).filter_map(text)
}

/// The rows in these bytes with this uuid.
pub(super) fn rows_with_uuid<'a>(bytes: &'a [u8], uuid: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let rows = bytes.split(|byte| *byte == b'\n');
    let is_wanted = |value: &[u8]| text(value) == Some(uuid.as_bytes());
    rows.filter(move |row| UUID.values(row).any(is_wanted))
}

/// Whether a row names this session.
pub(super) fn names_session(row: &[u8], session: &str) -> bool {
    SESSION_ID.values(row).any(|id| text(id) == Some(session.as_bytes()))
}

/// Whether a row's session runs in the background.
pub(super) fn is_of_background(row: &[u8]) -> bool {
    SESSION_KIND.values(row).any(|kind| text(kind) == Some(b"bg"))
}

/// The position of the first line end.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr(b'\n', bytes)
}

/// Whether these bytes are one JSON object.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    bytes.last() == Some(&b'}') && serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

/// The position of a further row on a line, behind a whole row or a torn one: a killed process left no line end.
///
/// Within a row an object stands behind a colon, a bracket or a comma, and no text has a quote that a name follows. Where a row
/// was torn at one of those bytes, the next one is the rest of the line.
pub(super) fn further_row(line: &[u8]) -> Option<usize> {
    let is_nested = |at: usize| {
        let before = line.get(..at).unwrap_or_default().trim_ascii_end();
        matches!(before.last(), None | Some(b':' | b'[' | b','))
    };
    let is_rest = |at: usize| line.get(at..).is_some_and(|rest| is_object(rest.trim_ascii_end()));
    let begins_name = |at: &usize| line.get(at + 2).is_some_and(u8::is_ascii_alphabetic);
    let behind_whole = BEHIND_WHOLE.find_iter(line).map(|at| at + 1).find(begins_name);
    let message =
        ROW_OF_TREE.find_iter(line).find(|at| *at > 0 && (!is_nested(*at) || is_rest(*at)));
    let other = ROW_WITH_TYPE.find_iter(line).find(|at| !is_nested(*at));
    behind_whole.into_iter().chain(message).chain(other).min()
}

/// The position of the whole row at the end of a broken line.
pub(super) fn row_behind_torn(line: &[u8]) -> Option<usize> {
    let line = line.trim_ascii_end();
    let mut objects = memchr_iter(b'{', line).skip(1);
    objects.find(|at| line.get(*at..).is_some_and(is_object))
}

/// Whether a JSON text has an escape.
pub(super) fn has_escape(json: &str) -> bool {
    memchr(b'\\', json.as_bytes()).is_some()
}

/// The positions of `\u` in JSON. After an escaped backslash it is no escape.
pub(super) fn unicode_escapes(json: &[u8]) -> impl Iterator<Item = usize> {
    UNICODE_ESCAPE.find_iter(json)
}

/// An upper bound for the number of values in JSON.
pub(super) fn max_values(json: &str) -> usize {
    memchr_iter(b',', json.as_bytes()).count() + 1
}

/// The type of a row that begins with its type.
pub(super) fn leading_type(row: &[u8]) -> Option<&[u8]> {
    let rest = row.strip_prefix(b"{")?.trim_ascii_start();
    text(value(rest.strip_prefix(b"\"type\"")?)?)
}

/// The type of a row that has its type within its first [`HEAD_BYTES`].
pub(super) fn row_type(row: &[u8]) -> Option<&[u8]> {
    leading_type(row).or_else(|| top_level_text(row, b"type"))
}

/// The type of a row's attachment.
pub(super) fn attachment_type(row: &[u8]) -> Option<&[u8]> {
    let head = row.get(..row.len().min(ATTACHMENT_HEAD_BYTES)).unwrap_or_default();
    let attachment = ATTACHMENT.values(head).next()?;
    // Within another object it may be anything, such as the argument of a tool.
    let before = head.len() - attachment.len();
    let is_top_level = memchr_iter(b'{', head.get(..before)?).count() == 1;
    leading_type(attachment).filter(|_| is_top_level)
}

/// Finds the values of a field, at any depth of a row.
#[derive(Clone, Debug)]
pub(super) struct Field(Finder<'static>);

impl Field {
    /// `name` includes its quotes. Without the first one it matches the end of several names.
    pub(super) fn new(name: &'static [u8]) -> Self {
        Self(Finder::new(name))
    }

    /// The row's bytes from each value on.
    pub(super) fn values<'a>(&'a self, row: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let ends = self.0.find_iter(row).map(|at| at + self.0.needle().len());
        ends.filter_map(|end| value(row.get(end..)?))
    }
}

/// The last value of a field for which `read` returns something. `read` gets the position of the name and the bytes from
/// the value on.
pub(super) fn last_value<T>(
    bytes: &[u8],
    name: &[u8],
    mut read: impl FnMut(usize, &[u8]) -> Option<T>,
) -> Option<T> {
    rfind_iter(bytes, name).find_map(|at| read(at, value(bytes.get(at + name.len()..)?)?))
}

/// Finds rows with one of several words in any place.
pub(super) struct Words<'a>(Vec<Finder<'a>>);

impl<'a> Words<'a> {
    pub(super) fn new(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().map(Finder::new).collect())
    }

    pub(super) fn are_in(&self, row: &[u8]) -> bool {
        self.0.iter().any(|word| word.find(row).is_some())
    }
}

/// The bytes after a name's colon; `None` after a text.
fn value(after_name: &[u8]) -> Option<&[u8]> {
    let rest = after_name.trim_ascii_start().strip_prefix(b":")?;
    Some(rest.trim_ascii_start())
}

/// The text at the beginning of `value`, up to its first quote.
pub(super) fn text(value: &[u8]) -> Option<&[u8]> {
    let text = value.strip_prefix(b"\"")?;
    memchr(b'"', text).and_then(|end| text.get(..end))
}

/// The number at the beginning of `value`.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

/// The text of a top-level name, if both are in the row's head.
fn top_level_text<'a>(row: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let head = row.get(..row.len().min(HEAD_BYTES)).unwrap_or_default();
    let (mut at, mut depth, mut is_wanted) = (0, 0_usize, false);
    while let Some(byte) = head.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let text = head.get(at..at + text_length(head.get(at..)?)?)?;
                at += text.len() + 1;
                let is_name = value(head.get(at..)?).is_some();
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

/// The length of a text up to its closing quote.
fn text_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests;
