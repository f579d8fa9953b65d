//! Passwords in the short flags of a few programs: `curl -u user:password`, `docker login -p`, `mysql -p…`, `redis-cli -a`,
//! `curl -b name=cookie`, `openssl -passin pass:…`, `http -a user:password`.

use super::alphabet::{before, byte};
use super::extent::{self, Extent};
use super::hit::Hit;
use super::placeholders::is_placeholder;
use super::values::has_digit;

/// The maximum length of a command, which may have several lines.
const COMMAND: usize = 400;

/// Programs whose `-p` is a password, apart from it. For most others it is a port or a path.
const SPACED: &[&str] = &["sshpass", "docker login", "podman login", "registry login", "az login"];

/// Programs whose `-w` is a password.
const LDAP: &[&str] = &[
    "ldapsearch",
    "ldapmodify",
    "ldapadd",
    "ldapdelete",
    "ldapwhoami",
    "ldappasswd",
    "ldapcompare",
];
const KEYCHAIN: &[&str] = &["add-generic-password", "add-internet-password"];

/// Programs whose `-U` is `user%password`.
const SAMBA: &[&str] = &["smbclient", "rpcclient", "smbget", "smbmap"];

/// Programs whose `-p` is a password.
const MONGO: &[&str] =
    &["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat"];

/// The secret after the flag at `at`: `-u`, `-p`, `-a` …
pub(super) fn short(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !matches!(before(bytes, at), b' ' | b'\t') {
        return None;
    }
    let next = at + 2;
    let is_spaced = byte(bytes, next) == b' ';
    match byte(bytes, at + 1) {
        b'u' if is_of(text, at, &["curl", "wget", "httpie", "xh "]) => user(text, next),
        b'u' if is_spaced && runs(text, at, &["lftp"]) => behind(text, next + 1, ','),
        b'U' if is_spaced && runs(text, at, SAMBA) => behind(text, next + 1, '%'),
        b'w' if is_spaced && (runs(text, at, LDAP) || is_of(text, at, KEYCHAIN)) => {
            word(text, next + 1)
        }
        b'P' if is_spaced && runs(text, at, &["zip", "unzip"]) => word(text, next + 1),
        b'p' if !is_spaced && runs(text, at, &["7z", "7za", "7zz", "7zr", "rar", "unrar"]) => {
            word(text, next)
        }
        b'p' if is_spaced && runs(text, at, MONGO) => {
            word(text, next + 1).filter(|hit| !is_port(text, *hit))
        }
        b'p' if is_spaced && is_of(text, at, SPACED) => word(text, next + 1),
        b'p' if !is_spaced && is_of(text, at, &["sshpass", "mysql", "mariadb"]) => word(text, next),
        b'p' if text.get(at..)?.starts_with("-pass") => {
            let end = text.get(at..)?.bytes().take(10).position(|byte| byte == b' ')?;
            let value = text.get(at + end..)?.trim_start().strip_prefix("pass:")?;
            word(text, text.len() - value.len())
        }
        b'a' if is_spaced && is_of(text, at, &["redis-cli"]) => word(text, next + 1),
        b'a' if is_spaced && is_of(text, at, &["http ", "https ", "xh "]) => user(text, next),
        b'k' if is_spaced && is_of(text, at, &["openssl enc "]) => word(text, next + 1),
        b'b' if is_spaced && is_curl(text, at) => cookies(text, next + 1),
        _ => None,
    }
}

/// `name:password` of curl, quoted or not. `at` is after the flag. A name without a password is a key.
pub(super) fn user(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let gap = bytes.get(at..)?.iter().take_while(|byte| matches!(byte, b' ' | b'=')).count();
    let value = value_at(bytes, at + gap);
    let pair = text.get(value.start..value.end)?;
    let (name, secret) = pair.split_once(':')?;
    if name.contains([' ', '/', '[']) || secret.starts_with('/') {
        return None;
    }
    let start = value.start + name.len() + 1;
    if !secret.is_empty() {
        let is_real = !is_placeholder(secret);
        return is_real.then(|| Hit::by_context(start, value.end, "password"));
    }
    // `name:'password'`: only the password is quoted.
    let is_open = value.start == at + gap;
    let inner = extent::quoted(bytes, start).filter(|inner| is_open && inner.end > inner.start);
    if let Some(inner) = inner {
        let is_real = !is_placeholder(text.get(inner.start..inner.end)?);
        return is_real.then(|| Hit::new(inner.start, inner.end, "password"));
    }
    let is_key = name.len() >= 8 && has_digit(name) && !is_placeholder(name);
    is_key.then(|| Hit::by_context(value.start, value.start + name.len(), "password"))
}

/// The cookies of curl. A value without `=` names a file of cookies.
fn cookies(text: &str, at: usize) -> Option<Hit> {
    let value = value_at(text.as_bytes(), at);
    let (name, rest) = text.get(value.start..value.end)?.split_once('=')?;
    let is_real = !name.contains(' ') && !is_placeholder(rest);
    is_real.then(|| Hit::new(value.start, value.end, "cookie"))
}

/// The password after `--pass`. `at` is after the flag and its space.
pub(super) fn pass(text: &str, at: usize) -> Option<Hit> {
    is_of(text, at, &["redis-cli", "curl", "mongo"]).then(|| word(text, at))?
}

/// Whether curl is named shortly before.
pub(super) fn is_curl(text: &str, at: usize) -> bool {
    is_of(text, at, &["curl"])
}

fn word(text: &str, at: usize) -> Option<Hit> {
    let value = value_at(text.as_bytes(), at);
    let secret = text.get(value.start..value.end)?;
    (secret.len() >= 3 && !secret.starts_with('-') && !is_placeholder(secret))
        .then(|| Hit::new(value.start, value.end, "password"))
}

/// If mongo is the name of a container, `-p` is a port.
fn is_port(text: &str, hit: Hit) -> bool {
    let value = text.get(hit.start..hit.end).unwrap_or_default();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let next = value.as_bytes().get(digits);
    (1..6).contains(&digits) && !next.is_some_and(u8::is_ascii_alphanumeric)
}

/// The password after a user name and a separator. `at` is at the name.
fn behind(text: &str, at: usize, sign: char) -> Option<Hit> {
    let value = value_at(text.as_bytes(), at);
    let (user, secret) = text.get(value.start..value.end)?.split_once(sign)?;
    let is_real = !user.is_empty() && secret.len() >= 3 && !is_placeholder(secret);
    is_real.then(|| Hit::by_context(value.end - secret.len(), value.end, "password"))
}

/// `--value` of a program that stores secrets.
pub(super) fn is_kept(text: &str, at: usize) -> bool {
    let behind = text.get(at..).unwrap_or_default();
    let behind = behind.lines().next().unwrap_or_default();
    let behind = behind.get(..COMMAND).unwrap_or(behind);
    is_of(text, at, &["SecureString", "keyvault secret set"])
        || behind.contains("SecureString") && is_of(text, at, &["ssm put-parameter"])
}

/// Whether one of the programs runs in the command before `at`: its name is a whole word there, even after a path.
fn runs(text: &str, at: usize, programs: &[&str]) -> bool {
    let is_around = |letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '-' | '_');
    let command = command_before(text, at, COMMAND);
    command.split(is_around).any(|word| programs.contains(&word))
}

fn value_at(bytes: &[u8], at: usize) -> Extent {
    extent::argument(bytes, at, true)
}

/// Whether one of the programs is named before `at`, in the same command.
pub(super) fn is_of(text: &str, at: usize, programs: &[&str]) -> bool {
    let command = command_before(text, at, COMMAND);
    programs.iter().any(|program| command.contains(program))
}

/// The line before `at`, at most `most` bytes; several lines if the previous one continues.
pub(super) fn command_before(text: &str, at: usize, most: usize) -> &str {
    let mut from = at.saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let near = text.get(from..at).unwrap_or_default();
    // Another command begins after a line that does not continue.
    near.rsplit_once('\n')
        .filter(|(before, _)| !before.trim_ascii_end().ends_with('\\'))
        .map_or(near, |(_, line)| line)
}
