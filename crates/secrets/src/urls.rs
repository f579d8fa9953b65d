//! Passwords in URLs and connection strings: `scheme://user:PASSWORD@host`. Only the password is masked.

use super::alphabet::{ALNUM, before, begins_word, byte};
use super::hit::Hit;
use super::placeholders::is_placeholder;
use super::values::has_digit;

/// The maximum length of a user name with its password.
const MAX_URL_BYTES: usize = 1024;
/// The maximum length of a password with a slash.
const SLASHED: usize = 160;

/// The password in the URL whose `://` is at `at`.
pub(super) fn password(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !ALNUM.has(before(bytes, at)) {
        return None;
    }
    let start = authority(bytes, at + 1)?;
    let rest = bytes.get(start..)?;
    let path = rest
        .iter()
        .take(MAX_URL_BYTES)
        .position(|byte| ends_url(*byte) || matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or_else(|| rest.len().min(MAX_URL_BYTES));
    let sign = match rest.get(..path)?.iter().rposition(|byte| *byte == b'@') {
        Some(sign) => sign,
        None => after_a_slash(rest, path)?,
    };
    let user = rest.get(..sign)?;
    match user.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let (from, to) = (start + colon + 1, start + sign);
            let secret = text.get(from..to)?;
            // `://[::1]` and examples.
            let is_none = secret.is_empty() || is_placeholder(secret) || user.starts_with(b"[");
            (!is_none).then(|| Hit::by_context(from, to, "url-password"))
        }
        None => {
            let secret = text.get(start..start + sign)?;
            let is_token = secret.len() >= 20
                && has_digit(secret)
                && begins_word(bytes, start)
                && !is_placeholder(secret);
            is_token.then(|| Hit::by_context(start, start + sign, "url-token"))
        }
    }
}

/// The position after the two slashes, which JSON may escape once or more.
fn authority(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    for _ in 0..2 {
        at += bytes.get(at..)?.iter().take(32).take_while(|byte| **byte == b'\\').count();
        if byte(bytes, at) != b'/' {
            return None;
        }
        at += 1;
    }
    Some(at)
}

/// A password with a slash: the text after the colon is no port, and an `@` follows.
fn after_a_slash(rest: &[u8], path: usize) -> Option<usize> {
    let host = rest.get(..path)?;
    let colon = host.iter().position(|byte| *byte == b':')?;
    let port = host.get(colon + 1..)?;
    if colon == 0
        || host.starts_with(b"[")
        || port.is_empty()
        || port.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    // `${PORT}` is a port too.
    if port.iter().any(|byte| matches!(byte, b'$' | b'{')) {
        return None;
    }
    let length = rest.iter().take(SLASHED).position(|byte| ends_url(*byte));
    let url = rest.get(..length.unwrap_or(rest.len().min(SLASHED)))?;
    url.iter().rposition(|byte| *byte == b'@')
}

fn ends_url(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::password;

    fn found(text: &str) -> &str {
        let at = text.find("://").or_else(|| text.find(":\\/\\/")).unwrap();
        password(text, at).map_or("", |hit| &text[hit.start..hit.end])
    }

    #[test]
    fn only_the_password_is_found() {
        assert_eq!(found("postgres://app:s3cret@db:5432/x"), "s3cret");
        assert_eq!(found("https://u:p@ss@host/x@y"), "p@ss");
        assert_eq!(found("redis://:abc9@cache"), "abc9");
        assert_eq!(found("amqp://u:a/b#c@mq"), "a/b#c");
        assert_eq!(found(r"https:\/\/u:pw1@host"), "pw1");
    }

    #[test]
    fn ports_paths_and_examples_are_no_passwords() {
        for text in [
            "http://localhost:3000/@vite/client",
            "https://registry.example.org:443/@scope/name",
            "https://example.com/a:b@c",
            "ssh://git@github.com/x",
            "postgres://user:password@localhost/db",
            "postgres://user:${PASSWORD}@localhost",
            "http://[::1]:80/",
            "https://host:${PORT}/a@b",
        ] {
            assert_eq!(found(text), "", "{text}");
        }
    }
}
