//! Characters that control a terminal, or make a text look like another one. They come from transcripts, servers,
//! settings and names of folders, and must not reach a terminal or a log.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal shows the character in its place. False for controls, marks of direction, which reorder a line,
/// line ends other than `\n`, and characters without width other than joiners, which emoji need.
pub fn is_printable(letter: char) -> bool {
    let is_direction = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let is_invisible = matches!(
        letter,
        '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
    );
    let ends_line = matches!(letter, '\u{2028}' | '\u{2029}');
    !(letter.is_control() || is_direction || is_invisible || ends_line)
}

/// The text with all other characters but line ends and tabs as escapes, `\u001b`, which JSON knows too.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| is_printable(letter) || matches!(letter, '\n' | '\t');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends_line = letter == '\r' && letters.peek() == Some(&'\n');
        if ends_line || is_plain(letter) {
            shown.push(letter);
        } else {
            // Writing to a string does not fail.
            _ = write!(shown, "\\u{:04x}", u32::from(letter));
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn shows_control_sequences_as_escapes() {
        for (text, shown) in [
            ("plain\n\ttext: ü 日本 👩‍👩‍👧", "plain\n\ttext: ü 日本 👩‍👩‍👧"),
            ("\u{1b}]52;c;aGk=\u{7}", "\\u001b]52;c;aGk=\\u0007"),
            ("one\r\ntwo", "one\r\ntwo"),
            ("a\rb\u{9b}31m\u{7f}", "a\\u000db\\u009b31m\\u007f"),
            ("\u{202e}txt.exe\u{2066}", "\\u202etxt.exe\\u2066"),
            ("one\u{2028}two\u{200b}", "one\\u2028two\\u200b"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
