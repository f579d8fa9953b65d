//! Credentials in HTTP headers. The scheme stays, because it shows how a request was authorised.

use super::alphabet::{BASE64, WIDE, begins_word, byte};
use super::extent::{self, Extent};
use super::hit::Hit;
use super::names::Noun;
use super::placeholders::is_placeholder;
use super::random::is_jumbled;
use super::values::{has_digit, is_constant};

/// The secret in the value of an `Authorization`, `Cookie` or `Set-Cookie` header that begins at `at`.
pub(super) fn value(text: &str, at: usize, noun: Noun, name: &str) -> Option<Hit> {
    let bytes = text.as_bytes();
    let extent = match extent::quoted(bytes, at) {
        Some(extent) => extent,
        None if may_be(bytes, at, noun) => extent::line(bytes, at),
        None => return None,
    };
    let value = text.get(extent.start..extent.end)?.trim_end();
    let extent = Extent { start: extent.start, end: extent.start + value.len() };
    if noun == Noun::Cookie { cookie(value, extent, name) } else { authorization(value, extent) }
}

/// Whether the rest of the line is worth reading: it may be a megabyte.
fn may_be(bytes: &[u8], at: usize, noun: Noun) -> bool {
    let head = bytes.get(at..).unwrap_or_default();
    let head = head.get(..128).unwrap_or(head);
    match noun {
        Noun::Cookie => {
            let name = head.iter().take_while(|byte| is_of_name(**byte)).count();
            head.get(name) == Some(&b'=')
        }
        _ => !head.starts_with(b" "),
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.~!#$%&*+^|".contains(&byte)
}

fn authorization(value: &str, extent: Extent) -> Option<Hit> {
    let (scheme, credentials) = value.split_once(' ').unwrap_or(("", value));
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_scheme {
        return None;
    }
    let takes_all = ["aws4-hmac-sha256", "digest", "hawk", "oauth", "signature", "ntlm"]
        .iter()
        .any(|one| scheme.eq_ignore_ascii_case(one));
    let start = extent.end - credentials.trim_start().len();
    let credentials = credentials.trim_start();
    if takes_all {
        let is_real =
            credentials.len() >= 16 && credentials.contains('=') && !is_placeholder(credentials);
        return is_real.then(|| Hit::new(start, extent.end, "authorization"));
    }
    let length = credentials
        .bytes()
        .take_while(|byte| !matches!(byte, b' ' | b',' | b';' | b'\\' | b')' | b'}'))
        .count();
    let credentials = credentials.get(..length)?;
    let kind = if scheme.eq_ignore_ascii_case("basic") {
        is_basic(credentials).then_some("basic-auth")?
    } else {
        // After a scheme that is alone on its line any text is a token. Before further words it must look like one.
        let is_alone = SCHEMES.iter().any(|one| scheme.eq_ignore_ascii_case(one))
            && value.trim_end().ends_with(credentials)
            && !is_named(credentials);
        is_token(credentials, is_alone).then_some(if scheme.eq_ignore_ascii_case("bearer") {
            "bearer-token"
        } else {
            "authorization"
        })?
    };
    Some(Hit::by_context(start, start + length, kind))
}

/// Schemes before a single token.
const SCHEMES: [&str; 6] = ["bearer", "token", "apikey", "api-key", "key", "privatetoken"];

/// `accessToken`: the name of a token.
fn is_named(credentials: &str) -> bool {
    let lower = credentials.to_ascii_lowercase();
    let nouns = ["token", "key", "secret", "credential", "auth", "jwt", "bearer"];
    nouns.iter().any(|noun| lower.contains(noun)) && !is_jumbled(credentials)
}

fn is_token(credentials: &str, is_alone: bool) -> bool {
    let is_call = credentials.contains(['(', '{', '[', '<', '$', '"']);
    let (lower, upper) = (
        credentials.bytes().any(|byte| byte.is_ascii_lowercase()),
        credentials.bytes().skip(1).any(|byte| byte.is_ascii_uppercase()),
    );
    let is_drawn = credentials.len() >= 20 && lower && upper || is_jumbled(credentials);
    let is_made = has_digit(credentials) || is_drawn || is_alone;
    let is_drawn_in_capitals = is_alone && has_digit(credentials) && !credentials.contains('_');
    let is_code = is_call || is_constant(credentials) && !is_drawn_in_capitals;
    credentials.len() >= 6 && is_made && !is_code && !is_placeholder(credentials)
}

/// base64 of `user:password`, which looks like no word.
fn is_basic(credentials: &str) -> bool {
    let is_word = !has_digit(credentials)
        && !credentials.ends_with('=')
        && credentials.bytes().skip(1).all(|byte| !byte.is_ascii_uppercase());
    let is_base64 = credentials.bytes().all(|byte| BASE64.has(byte));
    credentials.len() >= 8 && is_base64 && !is_word && !is_placeholder(credentials)
}

/// All sent cookies. For a cookie being set, its value.
fn cookie(value: &str, extent: Extent, name: &str) -> Option<Hit> {
    let (head, rest) = value.split_once('=')?;
    let is_name = !head.is_empty() && head.bytes().all(is_of_name);
    if !is_name || is_placeholder(value) || value.starts_with('$') {
        return None;
    }
    if !name.to_ascii_lowercase().starts_with("set") {
        return Some(Hit::new(extent.start, extent.end, "cookie"));
    }
    let start = extent.start + head.len() + 1;
    let length = rest.find(';').unwrap_or(rest.len());
    let secret = rest.get(..length)?;
    (!is_placeholder(secret)).then(|| Hit::new(start, start + length, "cookie"))
}

/// `Bearer <token>` without its header, and `bearer, <token>` in a WebSocket's protocols.
pub(super) fn bearer(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let start = at + text.get(at..)?.find(' ')? + 1;
    let probe = WIDE.run(bytes, start, 256);
    let length = if probe == 256 { WIDE.run(bytes, start, usize::MAX) } else { probe };
    let credentials = text.get(start..start + length)?.trim_end_matches('.');
    let is_word = matches!(byte(bytes, start + length), b'(' | b'[');
    let is_drawn = has_digit(credentials) || is_jumbled(credentials);
    let is_secret = credentials.len() >= 16 && is_drawn && is_token(credentials, false) && !is_word;
    (is_secret && begins_word(bytes, at))
        .then(|| Hit::by_context(start, start + credentials.len(), "bearer-token"))
}

#[cfg(test)]
mod tests {
    use super::super::names::Noun;
    use super::value;

    fn found(text: &str, name: &str) -> String {
        let noun = if name == "Authorization" { Noun::Authorization } else { Noun::Cookie };
        value(text, 0, noun, name)
            .map_or_else(String::new, |hit| text[hit.start..hit.end].to_owned())
    }

    #[test]
    fn the_scheme_stays_and_the_credentials_go() {
        assert_eq!(found("Bearer abc123def456", "Authorization"), "abc123def456");
        assert_eq!(found("Basic dXNlcjpwYXNz", "Authorization"), "dXNlcjpwYXNz");
        assert_eq!(found("\"token abc123def456\", x", "Authorization"), "abc123def456");
        assert_eq!(found("abc123def456' -X", "Authorization"), "abc123def456");
        for other in [
            "Bearer <token>",
            "Bearer ${TOKEN}",
            "Basic Authentication",
            "Bearer tokens are",
            "`Bearer ${t}`",
        ] {
            assert_eq!(found(other, "Authorization"), "", "{other}");
        }
    }

    #[test]
    fn keeps_the_attributes_of_a_cookie_being_set() {
        assert_eq!(found("sid=abc; theme=dark' https://x", "Cookie"), "sid=abc; theme=dark");
        assert_eq!(found("sid=abc; Path=/; Secure", "Set-Cookie"), "abc");
        assert_eq!(found("a small file", "Cookie"), "");
    }
}
