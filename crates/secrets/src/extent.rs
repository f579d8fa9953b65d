//! The extent of a value: to its closing quote, even if the quotes are escaped once or more; without quotes to the
//! end of its word.

use super::alphabet::{before, byte};
use super::colour;

/// A range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Deeper quotes are not followed: each level may cost another pass.
const MAX_DEPTH: usize = 31;

/// The text between quotes that open at `at`, or to the end of the line if nothing closes them.
pub(super) fn quoted(bytes: &[u8], at: usize) -> Option<Extent> {
    let mut at = at;
    if matches!(byte(bytes, at), b'f' | b'r' | b'b' | b'u' | b'@')
        && matches!(byte(bytes, at + 1), b'"' | b'\'')
    {
        at += 1;
    }
    if let Some(quote) = escaped_quote(bytes, at) {
        let start = at + quote.len();
        let rest = bytes.get(start..).unwrap_or_default();
        let line = rest.iter().take(MAX_LINE_BYTES).position(|byte| *byte == b'\n');
        let line = rest.get(..line.unwrap_or(MAX_LINE_BYTES)).unwrap_or(rest);
        let length = line.windows(quote.len()).position(|window| window == quote);
        return Some(Extent { start, end: start + length.unwrap_or(line.len()) });
    }
    let depth = backslashes(bytes, at);
    let quote = byte(bytes, at + depth);
    if depth > MAX_DEPTH || !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let start = at + depth + 1;
    let mut here = start;
    while here < bytes.len() {
        match byte(bytes, here) {
            b'\\' => {
                let count = backslashes(bytes, here);
                let is_quote = byte(bytes, here + count) == quote;
                // Each level of JSON doubles the backslashes. With fewer than at the opening, an outer quote closes.
                if is_quote && (count < depth || count % (2 * (depth + 1)) == depth) {
                    let end = here + count.saturating_sub(depth);
                    return Some(Extent { start, end });
                }
                here += count + usize::from(is_quote);
            }
            b'\n' | b'\r' => break,
            other if other == quote => break,
            _ => here += 1,
        }
    }
    let end = here.min(bytes.len());
    let start = start.min(end);
    Some(Extent { start, end })
}

/// Quotes in HTML, and after a backslash in JSON inside HTML.
const ESCAPED_QUOTES: [&[u8]; 7] =
    [b"&quot;", b"&apos;", b"&#34;", b"&#39;", b"&#x27;", b"u0022", b"u0027"];

/// The escaped quote at `at`.
pub(super) fn escaped_quote(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let slashes = match byte(bytes, at) {
        b'\\' => backslashes(bytes, at),
        b'&' => 0,
        _ => return None,
    };
    let rest = bytes.get(at + slashes..)?;
    let quote = ESCAPED_QUOTES.iter().find(|quote| rest.starts_with(quote))?;
    bytes.get(at..at + slashes + quote.len())
}

/// The length of the escaped quote before `end`, without its backslashes.
pub(super) fn escaped_quote_before(bytes: &[u8], end: usize) -> usize {
    let head = bytes.get(..end).unwrap_or_default();
    let quote =
        ESCAPED_QUOTES.iter().find(|quote| head.ends_with(quote)).map_or(0, |one| one.len());
    let is_escape = before(bytes, end) == b';' || before(bytes, end - quote) == b'\\';
    if is_escape { quote } else { 0 }
}

/// A word without quotes. `whole`: only white space and the surrounding quotes end it.
pub(super) fn bare(bytes: &[u8], at: usize, whole: bool) -> Extent {
    let mut end = at;
    while end < bytes.len() {
        match byte(bytes, end) {
            0..=b' ' | b'"' | b'\'' | b'`' => break,
            b'\\' => {
                let count = backslashes(bytes, end);
                if colour::begins(bytes, end) {
                    break;
                }
                if matches!(
                    byte(bytes, end + count),
                    b'n' | b'r' | b't' | b'"' | b'\'' | b'`' | b'\n'
                ) {
                    break;
                }
                end += count;
            }
            b'&' | b';' | b',' | b')' | b'}' | b']' | b'|' | b'<' | b'>' if !whole => break,
            _ => end += 1,
        }
    }
    while end > at && matches!(before(bytes, end), b';' | b',') {
        end -= 1;
    }
    Extent { start: at, end }
}

/// Digits.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<Extent> {
    let count = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = matches!(byte(bytes, at + count), 0..=b' ' | b',' | b'}' | b']' | b'\\');
    (count > 0 && ends).then_some(Extent { start: at, end: at + count })
}

/// Whether only a comment or a closing sign follows on the line.
pub(super) fn ends_line(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let gap = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match rest.get(gap) {
        None
        | Some(
            b'\n' | b'\r' | b'"' | b'\'' | b'`' | b',' | b'}' | b']' | b')' | b';' | b'&' | b'|'
            | b'<',
        ) => true,
        Some(b'#') => gap > 0,
        Some(b'\\') => true,
        _ => false,
    }
}

/// The maximum part of a line that is read.
const MAX_LINE_BYTES: usize = 4096;

/// The rest of the line, up to the surrounding quote or an escaped line end.
pub(super) fn line(bytes: &[u8], at: usize) -> Extent {
    let mut end = at;
    let last = bytes.len().min(at + MAX_LINE_BYTES);
    while end < last {
        match byte(bytes, end) {
            b'\n' | b'\r' | b'"' | b'\'' | b'`' => break,
            b'\\' => {
                let count = backslashes(bytes, end);
                if matches!(byte(bytes, end + count), b'n' | b'r' | b'"' | b'\'' | b'`' | b'\n') {
                    break;
                }
                end += count;
            }
            _ => end += 1,
        }
    }
    Extent { start: at, end }
}

/// The number of backslashes at `at`.
pub(super) fn backslashes(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| **byte == b'\\').count()
}

/// The quoted text at `at`, otherwise the word there, as `bare` reads it.
pub(super) fn argument(bytes: &[u8], at: usize, whole: bool) -> Extent {
    quoted(bytes, at).unwrap_or_else(|| bare(bytes, at, whole))
}

/// The first position from `at` on without a space or tab.
pub(super) fn after_spaces(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::{bare, line, quoted};

    fn inside(text: &str) -> &str {
        let found = quoted(text.as_bytes(), 0).unwrap();
        &text[found.start..found.end]
    }

    #[test]
    fn a_quoted_text_ends_at_the_quote_of_its_own_depth() {
        assert_eq!(inside(r#""a\"b" c"#), r#"a\"b"#);
        assert_eq!(inside(r#"'a"b' c"#), r#"a"b"#);
        assert_eq!(inside(r#"\"a\", \"c\""#), "a");
        assert_eq!(inside(r#"\"a\\\"b\", c"#), r#"a\\\"b"#);
        assert_eq!(inside(r#"\\\"a\\\""#), "a");
        assert_eq!(inside(r#"\"a" c"#), "a");
        assert_eq!(inside(r#""a\\" c"#), r"a\\");
        assert_eq!(inside(r#"\"a\\\\\", c"#), r"a\\\\");
        assert_eq!(inside("\"a\nb\""), "a");
        assert_eq!(inside("\"cut"), "cut");
        assert_eq!(inside("\"cut\\"), "cut\\");
        assert_eq!(inside("\""), "");
    }

    #[test]
    fn a_bare_word_ends_before_an_escape_that_is_a_space() {
        let word = |text: &'static str, whole: bool| &text[..bare(text.as_bytes(), 0, whole).end];
        assert_eq!(word("abc\\nDEF=1", true), "abc");
        assert_eq!(word("abc\\\\nDEF=1", true), "abc");
        assert_eq!(word("a&b c", true), "a&b");
        assert_eq!(word("a&b c", false), "a");
        assert_eq!(word("abc;", true), "abc");
        assert_eq!(word("a\\xb", true), "a\\xb");
    }

    #[test]
    fn a_line_ends_at_the_quote_around_it() {
        let text = "Bearer abc' -X POST";
        assert_eq!(line(text.as_bytes(), 0).end, 10);
    }
}
