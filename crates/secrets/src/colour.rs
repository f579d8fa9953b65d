//! Colours of the terminal between a name and its value: `ESC[31m`, also as `\u001b[31m`, `\x1b[31m`, `\033[31m`, `\e[31m`.

use super::alphabet::{before, byte};

/// The escape character, written after a backslash.
const WRITTEN: [&[u8]; 5] = [b"u001b", b"u001B", b"x1b", b"033", b"e"];

/// The position after all colours at `at`.
pub(super) fn after(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(end) = one_after(bytes, at) {
        at = end;
    }
    at
}

/// The position of the first of all colours that end at `end`.
pub(super) fn start(bytes: &[u8], end: usize) -> usize {
    let mut end = end;
    while let Some(start) = one_before(bytes, end) {
        end = start;
    }
    end
}

/// Whether a colour begins at a backslash or an escape.
pub(super) fn begins(bytes: &[u8], at: usize) -> bool {
    one_after(bytes, at).is_some()
}

fn one_after(bytes: &[u8], at: usize) -> Option<usize> {
    let sign = match byte(bytes, at) {
        0x1b => 1,
        b'\\' => {
            let slashes = bytes.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
            let rest = bytes.get(at + slashes..)?;
            slashes + WRITTEN.iter().find(|sign| rest.starts_with(sign))?.len()
        }
        _ => return None,
    };
    let numbers = bytes.get(at + sign..)?.strip_prefix(b"[")?;
    let length = numbers.iter().take(16).take_while(|byte| is_number(**byte)).count();
    (numbers.get(length) == Some(&b'm')).then_some(at + sign + 1 + length + 1)
}

fn one_before(bytes: &[u8], end: usize) -> Option<usize> {
    if before(bytes, end) != b'm' {
        return None;
    }
    let near = bytes.get(end.saturating_sub(40)..end - 1)?;
    let numbers = near.iter().rev().take_while(|byte| is_number(**byte)).count();
    let head = near.get(..near.len() - numbers)?.strip_suffix(b"[")?;
    let sign = match head.strip_suffix(&[0x1b]) {
        Some(_) => 1,
        None => {
            let written = WRITTEN.iter().find(|sign| head.ends_with(sign))?;
            let slashes = head.get(..head.len() - written.len())?;
            let count = slashes.iter().rev().take_while(|byte| **byte == b'\\').count();
            written.len() + (count > 0).then_some(count)?
        }
    };
    Some(end - 1 - numbers - 1 - sign)
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';'
}

#[cfg(test)]
mod tests {
    use super::{after, start};

    #[test]
    fn colours_are_skipped_in_both_directions_however_they_are_written() {
        for colour in [
            "\u{1b}[0m",
            "\u{1b}[1;31m\u{1b}[4m",
            r"\u001b[32m",
            r"\\u001b[m",
            r"\033[1m",
            r"\e[0m",
        ] {
            let text = format!("name{colour}value");
            assert_eq!(after(text.as_bytes(), 4), 4 + colour.len(), "{text}");
            assert_eq!(start(text.as_bytes(), 4 + colour.len()), 4, "{text}");
        }
        for other in ["[31m", "e[31m", "31m", "\u{1b}[31x", "\\n[31m"] {
            assert_eq!(after(other.as_bytes(), 0), 0, "{other}");
            assert_eq!(start(other.as_bytes(), other.len()), other.len(), "{other}");
        }
    }
}
