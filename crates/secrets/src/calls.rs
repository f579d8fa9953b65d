//! Secrets as arguments of calls: `setPassword("…")`, `define('DB_PASSWORD', '…')`, `headers.set("X-Api-Key", "…")`.

use super::alphabet::{WORD, before, byte};
use super::assignments::hit;
use super::extent::{self, Extent};
use super::headers;
use super::hit::Hit;
use super::names::{Noun, noun_of};
use super::values::{Style, is_secret, is_strong, looks_generated};

/// Calls with a name as first argument and its value as second.
fn is_of_pair(called: &str) -> bool {
    matches!(
        called,
        "define"
            | "setenv"
            | "Setenv"
            | "set_env"
            | "putenv_s"
            | "setProperty"
            | "set"
            | "append"
            | "header"
            | "Header"
            | "addHeader"
            | "add_header"
            | "setHeader"
            | "setRequestHeader"
    )
}

/// Calls with a user name and a password.
fn is_of_login(called: &str) -> bool {
    matches!(
        called,
        "NetworkCredential"
            | "UsernamePasswordCredentials"
            | "HTTPBasicAuth"
            | "BasicAuth"
            | "basic_auth"
            | "basicAuth"
            | "auth"
            | "login"
    )
}

/// Prefixes of calls with one argument, which the rest of their name describes.
const SETTERS: [&str; 4] = ["set", "with", "use", "add"];

/// The secret in the call whose bracket is at `at`, before a quote or a space.
pub(super) fn argument(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let length = WORD.run_before(bytes, at, 40);
    let called = text.get(at - length..at)?;
    let first_at = at + 1 + spaces(bytes, at + 1);
    if called.is_empty() {
        let is_login = matches!(before(bytes, at), b'=' | b' ') && {
            let name = text.get(..at)?.trim_ascii_end();
            name.strip_suffix('=').is_some_and(|name| name.trim_ascii_end().ends_with("auth"))
        };
        return if is_login { login(text, first_at) } else { None };
    }
    if is_of_login(called) {
        return login(text, first_at);
    }
    if is_of_pair(called) {
        return pair(text, first_at);
    }
    let noun = noun_of(called)?;
    let is_setter = SETTERS.iter().any(|verb| called.starts_with(verb));
    let is_builder = before_is_dot(bytes, at - length);
    let value = extent::quoted(bytes, first_at).filter(|_| is_setter || is_builder)?;
    let secret = text.get(value.start..value.end)?;
    let is_plain = is_setter || is_strong(secret);
    (is_plain && is_secret(secret, noun, Style::Quoted)).then(|| hit(value, noun, called))
}

/// `('NAME', 'value'`
fn pair(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let name = extent::quoted(bytes, at)?;
    let (value_at, value) = second(bytes, name)?;
    let (name, secret) = (text.get(name.start..name.end)?, text.get(value.start..value.end)?);
    let noun = noun_of(name).or_else(|| is_salt(name, secret).then_some(Noun::Phrase))?;
    if matches!(noun, Noun::Authorization | Noun::Cookie) {
        return headers::value(text, value_at, noun, name);
    }
    let is_one = is_salt(name, secret) || is_secret(secret, noun, Style::Quoted);
    is_one.then(|| hit(value, noun, name))
}

/// `("user", "password")`
fn login(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let (_, value) = second(bytes, extent::quoted(bytes, at)?)?;
    let secret = text.get(value.start..value.end)?;
    (looks_generated(secret) && is_secret(secret, Noun::Password, Style::Quoted))
        .then(|| hit(value, Noun::Password, "password"))
}

/// The next quoted argument: the position of its quote, and its text.
fn second(bytes: &[u8], first: Extent) -> Option<(usize, Extent)> {
    // After the closing quote, which may be escaped.
    let comma = bytes.get(first.end..)?.iter().take(8).position(|byte| *byte == b',')?;
    let gap = bytes.get(first.end..first.end + comma)?;
    let value_at = first.end + comma + 1;
    let value_at = value_at + spaces(bytes, value_at);
    let is_next = gap.iter().all(|byte| b"\\\"'` ".contains(byte));
    extent::quoted(bytes, value_at).filter(|_| is_next).map(|value| (value_at, value))
}

/// The keys and salts of WordPress: any characters, even spaces.
fn is_salt(name: &str, secret: &str) -> bool {
    let is_named = ["_KEY", "_SALT"].iter().any(|ending| name.ends_with(ending));
    is_named && secret.len() >= 40 && is_strong(secret)
}

fn spaces(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take(8).take_while(|byte| **byte == b' ').count()
}

fn before_is_dot(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|at| byte(bytes, at) == b'.')
}

#[cfg(test)]
mod tests {
    use super::argument;

    fn found(text: &str) -> &str {
        argument(text, text.find('(').unwrap()).map_or("", |hit| &text[hit.start..hit.end])
    }

    #[test]
    fn the_argument_of_a_setter_is_what_its_name_says() {
        assert_eq!(found(r#"user.setPassword("sunshine")"#), "sunshine");
        assert_eq!(found(r#"set_api_key('q1w2e3r4t5')"#), "q1w2e3r4t5");
        assert_eq!(found(r#".password("Hunter-22")"#), "Hunter-22");
        assert_eq!(found(r#"setToken(\"q1w2e3r4t5\")"#), "q1w2e3r4t5");
        for text in [
            r#"getPassword("sunshine")"#,
            r#"setPassword("Enter your password")"#,
            r#"setPassword(password)"#,
            r#".token("identifier")"#,
            r#"secret("db-credentials-2")"#,
            r#"("password")"#,
        ] {
            assert_eq!(found(text), "", "{text}");
        }
    }

    #[test]
    fn the_second_argument_is_the_value_of_the_first() {
        assert_eq!(found("define('DB_PASSWORD', 'sunshine');"), "sunshine");
        assert_eq!(found(r#"os.Setenv("API_KEY", "q1w2e3r4t5")"#), "q1w2e3r4t5");
        assert_eq!(found(r#"headers.set("Authorization", "Bearer abc123def456")"#), "abc123def456");
        assert_eq!(found("define('DB_NAME', 'sunshine');"), "");
        assert_eq!(found("define('DB_PASSWORD', getenv('DB_PASSWORD'));"), "");
    }
}
