//! Secrets that a shell writes to a program's standard input: `echo … | gh auth login --with-token`, `docker login
//! --password-stdin <<< …`. Before another program the same text is a commit id, so that only the programs below
//! count.

use super::alphabet::{before, byte};
use super::extent::{self, Extent, after_spaces};
use super::flags::command_before;
use super::hit::Hit;
use super::names::Noun;
use super::placeholders::is_placeholder;

/// Commands that read a secret: words in this order, with other words between.
const READERS: &[&str] = &[
    "--password-stdin",
    "az login --federated-token stdin",
    "chpasswd",
    "codex login --with-api-key",
    "cryptsetup -",
    "docker secret create -",
    "doppler secrets set",
    "firebase functions:secrets:set",
    "gcloud secrets -",
    "gh auth login --with-token",
    "gh secret set",
    "glab auth login --stdin",
    "gpg --passphrase-fd",
    "kubectl create secret stdin",
    "npm adduser",
    "npm login",
    "openssl stdin",
    "pass insert",
    "passwd --stdin",
    "podman secret create -",
    "secret-tool store",
    "sudo -S",
    "vault kv -",
    "vault login -",
    "vercel env add",
    "wrangler secret put",
];

/// Commands that write their arguments.
const WRITERS: [&str; 4] = ["echo ", "printf ", "print ", "Write-Output "];

/// The maximum length of a command that writes a secret.
const MAX_WRITER_BYTES: usize = 4096;
/// The maximum length of a command that reads one.
const MAX_READER_BYTES: usize = 400;

/// The secret before the pipe at `at`.
pub(super) fn at_pipe(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if byte(bytes, at + 1) == b'|' || before(bytes, at) == b'|' {
        return None;
    }
    let reader = command_after(text.get(at + 1..)?);
    if !reads_a_secret(reader) {
        return None;
    }
    let command = command_before(text, at, MAX_WRITER_BYTES);
    let command_at = at - command.len();
    let written = WRITERS.iter().filter_map(|writer| Some(command.rfind(writer)? + writer.len()));
    let value_at = match written.max() {
        Some(written) => first_argument(text, command_at + written),
        None => {
            // On Windows a shell writes a text that stands alone.
            let text_at = at - command.trim_start().len();
            extent::quoted(bytes, text_at)?;
            text_at
        }
    };
    secret(text, argument(text, value_at, at)?, reader)
}

/// `command <<< secret`, and the line after `command <<END`. `at` is at the first sign.
pub(super) fn here(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let command = command_before(text, at, MAX_READER_BYTES);
    let reader = command.rsplit([';', '|', '&', '(', '<']).next()?;
    if !reads_a_secret(reader) {
        return None;
    }
    let value = if byte(bytes, at + 2) == b'<' {
        let word_at = after_spaces(bytes, at + 3);
        extent::argument(bytes, word_at, false)
    } else {
        let line = text.get(at..)?.find('\n')? + at + 1;
        extent::line(bytes, line)
    };
    secret(text, value, reader)
}

/// The command at the beginning of a text.
fn command_after(text: &str) -> &str {
    let bytes = text.as_bytes();
    // It may begin on the next line.
    let mut end = text.len() - text.trim_start_matches([' ', '\t', '\r', '\n', '\\']).len();
    while end < bytes.len() {
        match byte(bytes, end) {
            b'|' | b';' | b'&' => break,
            b'\n' if !text.get(..end).unwrap_or_default().trim_end().ends_with('\\') => break,
            b'\\' => {
                let slashes = extent::backslashes(bytes, end);
                // JSON's line end, unless the line continues: `\\\n`.
                if slashes < 3 && byte(bytes, end + slashes) == b'n' {
                    break;
                }
                end += slashes;
            }
            _ => end += 1,
        }
    }
    text.get(..end).unwrap_or(text)
}

fn reads_a_secret(command: &str) -> bool {
    let ends_word = |letter: u8| matches!(letter, b' ' | b'\t' | b'\n' | b'=');
    let mut words = command.as_bytes().split(|byte| ends_word(*byte)).map(bare_word);
    while let Some(word) = words.next().filter(|_| command.len() > 8) {
        // Most words are no program's name, and this runs for each cell of a table.
        for reader in READERS.iter().filter(|reader| reader.as_bytes().starts_with(word)) {
            let mut parts = reader.split(' ').map(str::as_bytes);
            let mut rest = words.clone();
            if parts.next() == Some(word) && parts.all(|part| rest.any(|word| word == part)) {
                return true;
            }
        }
    }
    false
}

/// A word without quotes, brackets and its folder.
fn bare_word(word: &[u8]) -> &[u8] {
    let is_around = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b')' | b'}' | b',');
    let start = word.iter().position(|byte| !is_around(byte)).unwrap_or(word.len());
    let end = word.iter().rposition(|byte| !is_around(byte)).map_or(start, |last| last + 1);
    let word = word.get(start..end).unwrap_or_default();
    word.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The start of the first argument that is neither a flag nor a format.
fn first_argument(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = after_spaces(bytes, at);
    loop {
        let word = extent::argument(bytes, at, true);
        let passed = text.get(word.start..word.end).unwrap_or_default();
        let is_flag = passed.starts_with('-') && passed.len() < 4;
        let is_format = passed.starts_with("%s") && passed.len() < 8;
        let next = after_spaces(bytes, after_quotes(bytes, word.end));
        if !(is_flag || is_format) || next <= at {
            return at;
        }
        at = next;
    }
}

/// The argument at `at` with the following ones, before `end`.
fn argument(text: &str, at: usize, end: usize) -> Option<Extent> {
    let bytes = text.as_bytes();
    let quoted = extent::quoted(bytes, at).filter(|value| value.end <= end);
    let value = quoted.unwrap_or_else(|| extent::bare(bytes, at, false));
    let rest_at = after_quotes(bytes, value.end);
    let rest = text.get(rest_at..end)?;
    // Another command writes.
    if rest.contains([';', '&', '\n']) {
        return None;
    }
    let rest = rest.trim();
    let is_all = rest.is_empty() || rest.starts_with(['|', '>']) || rest.starts_with("2>");
    Some(if is_all { value } else { Extent { start: at, end: text.get(..end)?.trim_end().len() } })
}

fn secret(text: &str, value: Extent, reader: &str) -> Option<Hit> {
    let secret = text.get(value.start..value.end)?;
    // `user:password`
    let user = secret.split_once(':').filter(|_| reader.contains("chpasswd"));
    let secret = user.map_or(secret, |(_, password)| password);
    let is_one = secret.len() >= 3 && !secret.starts_with("$(") && !is_placeholder(secret);
    is_one.then(|| Hit::by_context(value.end - secret.len(), value.end, Noun::Key.kind()))
}

/// The position after a closing quote, which may be escaped.
fn after_quotes(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let slashes = extent::backslashes(bytes, at);
    let quote = matches!(rest.get(slashes), Some(b'"' | b'\'' | b'`'));
    if quote { at + slashes + 1 } else { at }
}
