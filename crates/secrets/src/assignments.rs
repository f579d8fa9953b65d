//! `NAME=value`, `name: value`, `"name": "value"`, also with the quotes of JSON inside a string, `<name>value</name>` and
//! `--name value`: values under the name of a secret.

use super::alphabet::{DOTTED, before, byte};
use super::extent::{self, Extent};
use super::hit::Hit;
use super::name::{Name, annotated, is_after_escape, name_before, named_before};
use super::names::{self, Noun, noun_of};
use super::values::{Style, is_secret, is_strong};
use super::{flags, headers};

/// The secret whose name ends at the separator `at`.
pub(super) fn at_separator(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let (name_end, value_at) = separator(bytes, at)?;
    let name = name_before(text, name_end)?;
    let typed = annotated(text, &name, at);
    let noun = noun_of(name.text).or(typed).or_else(|| noun_of(named_before(text, &name)?))?;
    let spaced = matches!(byte(bytes, value_at), b' ' | b'\t')
        || matches!(before(bytes, name_end), b' ' | b'\t');
    let value_at = value_at
        + bytes.get(value_at..)?.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if matches!(noun, Noun::Authorization | Noun::Cookie) {
        let is_header = byte(bytes, at) == b':' || name.quoted;
        return headers::value(text, value_at, noun, name.text).filter(|_| is_header);
    }
    let Some(value) = extent::quoted(bytes, value_at) else {
        // After a type a secret is a literal.
        if typed.is_some() {
            return None;
        }
        return bare(text, &name, noun, value_at, byte(bytes, at), spaced);
    };
    let secret = text.get(value.start..value.end)?;
    if !is_secret(secret, noun, Style::Quoted) {
        return None;
    }
    Some(hit(value, noun, name.text))
}

/// Where the name ends and the value begins, if the sign is one that assigns.
fn separator(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (last, next) = (before(bytes, at), byte(bytes, at + 1));
    match byte(bytes, at) {
        b'=' => match (last, next) {
            (_, b'=' | b'~')
            | (b'=' | b'!' | b'<' | b'>' | b':' | b'+' | b'-' | b'*' | b'/' | b'|' | b'^', _) => {
                None
            }
            (_, b'>') => Some((at, at + 2)),
            (b'?', _) => Some((at - 1, at + 1)),
            _ => Some((at, at + 1)),
        },
        b':' => match (last, next) {
            (b':', _) | (_, b':' | b'/') => None,
            (_, b'=') => Some((at, at + 2)),
            (b'?', _) => Some((at - 1, at + 1)),
            _ => Some((at, at + 1)),
        },
        _ => None,
    }
}

/// A value without quotes.
fn bare(text: &str, name: &Name<'_>, noun: Noun, at: usize, sign: u8, spaced: bool) -> Option<Hit> {
    let bytes = text.as_bytes();
    let is_loud = name.text.bytes().any(|byte| byte.is_ascii_uppercase())
        && !name.text.bytes().any(|byte| byte.is_ascii_lowercase());
    if name.quoted {
        // Beside quoted names only JSON's numbers have no quotes; their mask needs quotes of its own.
        let value = extent::number(bytes, at)?;
        let is_long = value.end - value.start >= 4;
        let mut hit = hit(value, noun, name.text);
        hit.is_number = true;
        return (noun == Noun::Password && is_long).then_some(hit);
    }
    let last = before(bytes, name.start);
    let opens_line = matches!(last, 0 | b'\n' | b'\r' | b'\t' | b'"' | b'\'' | 128..)
        || is_after_escape(bytes, name.start);
    let mut style = match sign {
        b'=' if matches!(last, b'?' | b'&') => Style::Query,
        b'=' if !spaced && (is_loud || is_exported(text, name.start)) => Style::Env,
        _ => Style::Bare,
    };
    let value = extent::bare(bytes, at, style == Style::Env && opens_line);
    let ends_line = extent::ends_line(bytes, value.end);
    let secret = text.get(value.start..value.end)?;
    if style == Style::Bare
        && ends_line
        && (is_loud && sign == b':' || opens_line && sign == b'=' && !spaced)
    {
        // YAML's and INI's way to write an env file; a program would end the line with a sign of its own.
        let is_program = secret.contains(['(', '<', '[', '{', '&'])
            || matches!(byte(bytes, value.end), b',' | b';' | b')');
        let is_named_well = is_loud || noun == Noun::Password;
        style = if is_program || !is_named_well { Style::Bare } else { Style::Env };
    }
    let may_end = style != Style::Bare || ends_line || sign == b'=' && !spaced || is_strong(secret);
    (may_end && is_secret(secret, noun, style)).then(|| hit(value, noun, name.text))
}

/// `export NAME=`, `-e NAME=`, `$env:NAME=`, `-Dname=`
fn is_exported(text: &str, at: usize) -> bool {
    let head = text.get(..at).unwrap_or_default();
    [
        "export ",
        "-e ",
        "--env ",
        "ENV ",
        "ARG ",
        "--build-arg ",
        "set ",
        "env ",
        "$env:",
        "--set ",
        "-Z ",
    ]
    .iter()
    .any(|word| head.ends_with(word))
}

/// `--password value`, also as the parts of a list; `at` is at the dashes.
pub(super) fn at_flag(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !matches!(
        before(bytes, at),
        0 | b' ' | b'\t' | b'\n' | b'"' | b'\'' | b'`' | b'[' | b'(' | b'\\'
    ) && !is_after_escape(bytes, at)
    {
        return None;
    }
    let length = DOTTED.run(bytes, at + 2, names::MAX_NAME_BYTES);
    let name = text.get(at + 2..at + 2 + length)?;
    let mut value_at = at + 2 + length;
    if matches!(name, "user" | "proxy-user") && flags::is_curl(text, at) {
        return flags::user(text, value_at);
    }
    if matches!(byte(bytes, value_at), b'=' | b':') {
        return None;
    }
    let noun = noun_of(name)?;
    let rest = bytes.get(value_at..)?;
    let gap = rest.iter().take(16).take_while(|byte| b" \t\"'`,\\".contains(byte)).count();
    let has_gap = rest.get(..gap)?.iter().any(|byte| matches!(byte, b' ' | b'\t' | b','));
    let is_list = rest.get(..gap)?.contains(&b',');
    if !has_gap {
        return None;
    }
    if is_list {
        value_at += gap;
    } else {
        value_at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }
    if noun == Noun::Cookie {
        return headers::value(text, value_at, noun, name);
    }
    let (value, style) = match extent::quoted(bytes, value_at) {
        Some(value) => (value, Style::Quoted),
        None => (
            extent::bare(bytes, value_at, is_list),
            if is_list { Style::Quoted } else { Style::Bare },
        ),
    };
    let secret = text.get(value.start..value.end)?;
    (!secret.starts_with('-') && is_secret(secret, noun, style)).then(|| hit(value, noun, name))
}

/// `<password>value</password>`; `at` is at the first `>`.
pub(super) fn at_element(text: &str, at: usize) -> Option<Hit> {
    let name = name_before(text, at).filter(|name| !name.quoted)?;
    if before(text.as_bytes(), name.start) != b'<' {
        return None;
    }
    let noun = noun_of(name.text)?;
    let rest = text.get(at + 1..)?;
    let end = rest.bytes().take(1024).position(|byte| byte == b'<')?;
    if !rest.get(end..)?.starts_with("</") {
        return None;
    }
    let value = Extent { start: at + 1, end: at + 1 + end };
    let secret = text.get(value.start..value.end)?;
    is_secret(secret, noun, Style::Quoted).then(|| hit(value, noun, name.text))
}

/// The secret in the field of an object, if it is one.
pub(super) fn in_field(name: &str, value: &str) -> Option<Hit> {
    let noun = noun_of(name)?;
    match noun {
        Noun::Authorization | Noun::Cookie => headers::value(value, 0, noun, name),
        _ => is_secret(value, noun, Style::Field).then(|| {
            let all = Extent { start: 0, end: value.len() };
            hit(all, noun, name)
        }),
    }
}

fn hit(value: Extent, noun: Noun, name: &str) -> Hit {
    let lower = name.to_ascii_lowercase();
    let named = if lower.contains("secret_access_key") || lower.contains("secretaccesskey") {
        "aws-secret-key"
    } else if noun == Noun::Key && (lower.ends_with("key") && lower.contains("api")) {
        "api-key"
    } else {
        noun.kind()
    };
    Hit::by_context(value.start, value.end, named)
}
