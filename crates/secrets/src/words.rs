//! Secrets after a word and a space: SQL passwords, netrc, and shells that assign without a sign.

use super::alphabet::{DOTTED, begins_word, byte};
use super::assignments::hit;
use super::extent;
use super::flags::is_of;
use super::hit::Hit;
use super::name::Name;
use super::names::{self, Noun, names_itself, noun_of};
use super::values::{Style, has_digit, is_secret};

/// `IDENTIFIED BY 'secret'`; `at` is at the word.
pub(super) fn identified(text: &str, at: usize) -> Option<Hit> {
    let value_at = at + "IDENTIFIED BY ".len();
    // Prose also uses `identified by`.
    let statements = ["USER", "user ", "GRANT", "grant ", "ROLE", "role "];
    if byte(text.as_bytes(), value_at) == b'`' || !is_of(text, at, &statements) {
        return None;
    }
    quoted(text, value_at, |_| true)
}

/// `WITH PASSWORD 'secret'`, `password is "secret1"`, and netrc's `login me password secret`.
pub(super) fn password(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !begins_word(bytes, at) {
        return None;
    }
    let value_at = at + "password ".len();
    let stated = text.get(value_at..)?;
    let is_stated = ["is: ", "is "].into_iter().find(|verb| stated.starts_with(verb));
    let stated_at = value_at + is_stated.map_or(0, str::len);
    // In prose a quoted word may be a name. It has no digit.
    let is_sql = text.get(at..)?.starts_with('P') && is_stated.is_none();
    let in_quotes = quoted(text, stated_at, |secret| is_sql || has_digit(secret));
    in_quotes.or_else(|| {
        let is_netrc = is_of(text, at, &["login "]) && is_of(text, at, &["machine ", "default "])
            || line_before(text, at).is_some_and(|line| line.trim_start().starts_with("login "));
        let value = extent::bare(bytes, value_at, true);
        let secret = text.get(value.start..value.end)?;
        (is_netrc && is_secret(secret, Noun::Password, Style::Env))
            .then(|| Hit::by_context(value.start, value.end, "password"))
    })
}

/// Words for a password in other languages, with letters outside of all alphabets here.
const FOREIGN: [&str; 6] = [
    "\u{5bc6}\u{7801}",
    "\u{5bc6}\u{78bc}",
    "\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}",
    "\u{be44}\u{bc00}\u{bc88}\u{d638}",
    "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
    "\u{41f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
];

/// The name at the end of a text, if it is a foreign word for a password.
pub(super) fn foreign(head: &str, quoted: bool) -> Option<Name<'static>> {
    let word = FOREIGN.iter().find(|word| head.ends_with(**word))?;
    Some(Name { text: "password", start: head.len() - word.len(), quoted })
}

/// The line before the one that begins at `at`.
fn line_before(text: &str, at: usize) -> Option<&str> {
    let lines = text.get(..at)?.trim_end_matches([' ', '\t']);
    lines.strip_suffix('\n')?.rsplit('\n').next()
}

fn quoted(text: &str, at: usize, may_be: impl Fn(&str) -> bool) -> Option<Hit> {
    let value = extent::quoted(text.as_bytes(), at)?;
    let secret = text.get(value.start..value.end)?;
    let is_one = !secret.contains(char::is_whitespace)
        && may_be(secret)
        && is_secret(secret, Noun::Password, Style::Quoted);
    is_one.then(|| Hit::by_context(value.start, value.end, "password"))
}

/// `#define NAME "value"`. `at` is at the sign.
pub(super) fn defined(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let name_at = at + "#define ".len();
    let length = DOTTED.run(bytes, name_at, names::MAX_NAME_BYTES);
    let name = text.get(name_at..name_at + length)?;
    let noun = noun_of(name)?;
    let rest = bytes.get(name_at + length..)?;
    let gap = rest.iter().take(80).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let value = extent::quoted(bytes, name_at + length + gap).filter(|_| gap > 0)?;
    let secret = text.get(value.start..value.end)?;
    (is_secret(secret, noun, Style::Quoted) && !names_itself(name, secret))
        .then(|| hit(value, noun, name))
}

/// `set -gx NAME value`, `setenv NAME value`, `ENV NAME value`. `at` is at the word, which ends with a space.
pub(super) fn assigned(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !begins_word(bytes, at) {
        return None;
    }
    let (_, rest) = text.get(at..)?.split_once(' ')?;
    // Flags of fish's `set`.
    let flags = rest
        .split_inclusive(' ')
        .take_while(|word| word.starts_with('-'))
        .map(str::len)
        .sum::<usize>();
    let name_at = text.len() - rest.len() + flags;
    let length = DOTTED.run(bytes, name_at, names::MAX_NAME_BYTES);
    let name = text.get(name_at..name_at + length)?;
    let noun = noun_of(name).filter(|_| byte(bytes, name_at + length) == b' ')?;
    let value_at = name_at + length + 1;
    let value = extent::argument(bytes, value_at, true);
    let secret = text.get(value.start..value.end)?;
    is_secret(secret, noun, Style::Env)
        .then(|| Hit::by_context(value.start, value.end, noun.kind()))
}
