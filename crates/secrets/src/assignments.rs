//! `NAME=value`, `name: value`, `"name": "value"`, also with JSON's quotes inside a string, `<name>value</name>` and
//! `--name value`: values under the name of a secret.

use super::alphabet::{DOTTED, before, byte};
use super::extent::{self, Extent, after_spaces};
use super::hit::Hit;
use super::name::{
    Name, annotated, in_words, is_after_escape, name_before, named_before, named_behind, of_input,
};
use super::names::{self, Noun, names_itself, noun_of};
use super::random::{has_random_letters, is_jumbled};
use super::values::{Style, is_long_mix, is_path_of_names, is_secret, is_strong, is_wordy};
use super::{colour, flags, headers, lines};

/// The secret whose name ends at the separator `at`.
pub(super) fn at_separator(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let (name_end, value_at) = separator(bytes, at).or_else(|| doubled(text, at))?;
    let name = name_before(text, name_end).filter(|name| !is_in_resource_name(text, name))?;
    let typed = annotated(text, &name, at);
    let noun = noun_of(name.text).or(typed).or_else(|| noun_of_value(text, &name, value_at))?;
    let spaced = matches!(byte(bytes, value_at), b' ' | b'\t')
        || matches!(before(bytes, name_end), b' ' | b'\t');
    let value_at = after_spaces(bytes, colour::after(bytes, after_spaces(bytes, value_at)));
    if let Some((value, style)) = lines::value_below(text, value_at, noun) {
        let secret = text.get(value.start..value.end)?;
        return is_secret(secret, noun, style).then(|| hit(value, noun, name.text));
    }
    let value_at = after_bold(bytes, value_at);
    if matches!(noun, Noun::Authorization | Noun::Cookie) {
        let is_header = byte(bytes, at) == b':' || name.quoted;
        return headers::value(text, value_at, noun, name.text).filter(|_| is_header);
    }
    let Some(value) = extent::quoted(bytes, value_at) else {
        // After a type annotation, a secret is a literal.
        if typed.is_some() {
            return None;
        }
        let sign = if byte(bytes, at) == b'=' { b'=' } else { b':' };
        return bare(text, &name, noun, value_at, sign, spaced);
    };
    let secret = text.get(value.start..value.end)?;
    let is_one = is_secret(secret, noun, Style::Quoted) && !names_itself(name.text, secret);
    is_one.then(|| hit(value, noun, name.text))
}

/// The noun from the words around `value` or `key`.
fn noun_of_value(text: &str, name: &Name<'_>, at: usize) -> Option<Noun> {
    match name.text.as_bytes().last().map(u8::to_ascii_lowercase) {
        Some(b'y') if name.is("key") => return in_words(text, name),
        Some(b'e') if name.is("value") => {}
        _ => return None,
    }
    let owner = named_before(text, name)
        .or_else(|| named_behind(text, name, after_spaces(text.as_bytes(), at)));
    owner.and_then(noun_of).or_else(|| of_input(text, name, at))
}

/// The end of Markdown's bold: `**Password:** value`.
fn after_bold(bytes: &[u8], at: usize) -> usize {
    let is_bold = bytes.get(at..).is_some_and(|rest| rest.starts_with(b"** "));
    if is_bold { after_spaces(bytes, at + 2) } else { at }
}

/// The end of the name and the start of the value, if the character at `at` assigns.
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
        // The colon of Chinese and Japanese texts, `\u{ff1a}`.
        0xef => bytes.get(at..)?.starts_with("\u{ff1a}".as_bytes()).then_some((at, at + 3)),
        _ => None,
    }
}

/// A value in an env file that begins with `=`.
fn doubled(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_value = !matches!(byte(bytes, at + 2), 0..=b' ' | b'=');
    let name = name_before(text, at).filter(|name| is_value && !name.quoted)?;
    let is_env = is_loud(name.text) && byte(bytes, at) == b'=' && byte(bytes, at + 1) == b'=';
    (is_env && matches!(before(bytes, name.start), 0 | b'\n')).then_some((at, at + 1))
}

fn is_loud(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase())
        && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A value without quotes.
fn bare(text: &str, name: &Name<'_>, noun: Noun, at: usize, sign: u8, spaced: bool) -> Option<Hit> {
    let bytes = text.as_bytes();
    let is_loud = is_loud(name.text);
    if name.quoted {
        // Beside quoted names only JSON numbers have no quotes. Their mask needs quotes of its own.
        let value = extent::number(bytes, at)?;
        let is_long = value.end - value.start >= 4;
        let mut hit = hit(value, noun, name.text);
        hit.is_number = true;
        return (noun == Noun::Password && is_long).then_some(hit);
    }
    let last = before(bytes, name.start);
    let opens_line = matches!(last, 0 | b'\n' | b'\r' | b'\t' | b'"' | b'\'' | 128..)
        || is_after_escape(bytes, name.start)
        || last == b'+' && lines::opens(bytes, name.start - 1);
    let mut style = match sign {
        b'=' if matches!(last, b'?' | b'&') => Style::Query,
        b'=' if !spaced && (is_loud || is_exported(text, name.start)) => Style::Env,
        _ => Style::Bare,
    };
    let value = extent::bare(bytes, at, style == Style::Env && opens_line);
    let ends_line = extent::ends_line(bytes, value.end);
    let secret = text.get(value.start..value.end)?;
    let is_type =
        || is_type(bytes, secret, value.end) || sign == b':' && is_assigned(bytes, value.end);
    if style == Style::Bare && (is_type() || is_account_field(secret)) {
        return None;
    }
    if style == Style::Bare
        && ends_line
        && (is_loud && sign == b':' || opens_line && sign == b'=' && !spaced)
    {
        // A line of YAML, INI or an env file. A line of a program would end with a sign of its own.
        let is_program = secret.contains(['(', '<', '[', '{', '&'])
            || matches!(byte(bytes, value.end), b',' | b';' | b')');
        let is_named_well = is_loud && sign == b'=' || noun == Noun::Password;
        style = if is_program || !is_named_well { Style::Bare } else { Style::Env };
    }
    let may_go_on = || {
        let is_jumbled = is_jumbled(secret);
        let is_word = noun != Noun::Password
            && !is_jumbled
            && !has_random_letters(secret, 6)
            && is_wordy(secret);
        let is_drawn = is_jumbled || name.text.contains(['_', '-']) && is_long_mix(secret);
        (is_strong(secret) || is_drawn) && !is_path_of_names(secret) && !is_word
    };
    let may_end = style != Style::Bare || ends_line || sign == b'=' && !spaced || may_go_on();
    (may_end && is_secret(secret, noun, style)).then(|| hit(value, noun, name.text))
}

/// `Token<'a>`, `Key<T>`: a type with its parameters.
fn is_type(bytes: &[u8], value: &str, end: usize) -> bool {
    let first = byte(bytes, end + 1);
    byte(bytes, end) == b'<'
        && value.starts_with(|first: char| first.is_ascii_uppercase())
        && (first.is_ascii_uppercase() || matches!(first, b'\'' | b'_' | b'&'))
}

/// `Type = 3`
fn is_assigned(bytes: &[u8], end: usize) -> bool {
    let sign = after_spaces(bytes, end);
    sign > end && byte(bytes, sign) == b'=' && matches!(byte(bytes, sign + 1), 0..=b' ')
}

/// `name:x:1000:…` of `/etc/passwd`, which has no password.
fn is_account_field(value: &str) -> bool {
    ["x:", "*:", "!:"].iter().any(|field| value.starts_with(field))
}

/// `arn:aws:secretsmanager:eu-west-1:1234:secret:name`, `AWS::IAM::AccessKey`: part of a longer name.
fn is_in_resource_name(text: &str, name: &Name<'_>) -> bool {
    let head = text.get(..name.start).unwrap_or_default();
    let word = head.get(head.len().saturating_sub(100)..).unwrap_or(head);
    let word = word.rsplit([' ', '"', '\'', '`', '\n']).next().unwrap_or_default();
    head.ends_with("::") || word.contains("arn:")
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

/// `--password value`, also as elements of a list. `at` is at the dashes.
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
    if name == "pass" && byte(bytes, value_at) == b' ' {
        return flags::pass(text, value_at + 1);
    }
    let kept = (name == "value" && flags::is_kept(text, at)).then_some(Noun::Password);
    let noun = noun_of(name).or(kept)?;
    let rest = bytes.get(value_at..)?;
    let gap = rest.iter().take(16).take_while(|byte| b" \t\"'`,\\".contains(byte)).count();
    let mut elements = rest.get(..gap)?.split(|byte| *byte == b',');
    let next = elements.nth(1);
    let is_list = next.is_some();
    // Without quotes it is a name in a program.
    if next.is_some_and(|gap| !gap.iter().any(|byte| b"\"'`".contains(byte))) {
        return None;
    }
    // In its own quotes a flag is an element of a list, or mentioned in a text.
    if !is_list && !matches!(rest.first(), Some(b' ' | b'\t')) {
        return None;
    }
    if is_list {
        value_at += gap;
    } else {
        value_at = after_spaces(bytes, value_at);
    }
    if noun == Noun::Cookie {
        return headers::value(text, value_at, noun, name);
    }
    let (value, style) = match extent::quoted(bytes, value_at) {
        Some(value) => (value, Style::Quoted),
        None if is_list => (extent::bare(bytes, value_at, true), Style::Quoted),
        None if kept.is_some() => (extent::bare(bytes, value_at, true), Style::Env),
        None => (extent::bare(bytes, value_at, false), Style::Bare),
    };
    let secret = text.get(value.start..value.end)?;
    (!secret.starts_with('-') && is_secret(secret, noun, style)).then(|| hit(value, noun, name))
}

/// `<password>value</password>`. `at` is at the first `>`.
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

/// The secret in a field of an object.
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

pub(super) fn hit(value: Extent, noun: Noun, name: &str) -> Hit {
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
