//! Decides whether a value under the name of a secret is a secret: programs, schemas and prose use those names too.

use super::alphabet::ALNUM;
use super::names::Noun;
use super::placeholders::is_placeholder;
use super::random::{has_random_letters, is_jumbled};

/// The notation of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A field of an object: the name is enough.
    Field,
    /// Quoted: a literal, not a piece of a program.
    Quoted,
    /// `NAME=value` of a shell or an env file.
    Env,
    /// `?name=value&` of a URL.
    Query,
    /// Bare, as in YAML, INI, programs and prose.
    Bare,
}

/// Whether `value` is the secret that its name announces.
pub(super) fn is_secret(value: &str, noun: Noun, style: Style) -> bool {
    if is_behind_a_text(value) {
        return false;
    }
    let value = value.trim();
    if is_placeholder(value) || value.len() > 5 && is_reference_to_code(value, style) {
        return false;
    }
    match noun {
        Noun::Password => is_password(value, style),
        Noun::Phrase => {
            value.len() >= 8 && !is_number(value) && (style != Style::Bare || has_evidence(value))
        }
        Noun::Key | Noun::Token => is_made(value, noun, style),
        Noun::Signature => {
            value.len() >= 24 && has_digit(value) && !has_space(value) && !value.contains('(')
        }
        Noun::Authorization | Noun::Cookie => false,
    }
}

fn is_password(value: &str, style: Style) -> bool {
    let length = value.chars().count();
    match style {
        Style::Field => !is_label(value),
        Style::Quoted => {
            length >= 4 && !is_label(value) && !is_path(value) && !is_identifier(value)
        }
        Style::Env => length >= 3 && !is_path(value) && !is_call(value),
        Style::Query => length >= 3,
        Style::Bare => length >= 4 && has_evidence(value) && !is_path(value) && !is_call(value),
    }
}

/// Whether the value may be generated.
fn is_made(value: &str, noun: Noun, style: Style) -> bool {
    let least = match (noun, style) {
        (Noun::Key, Style::Field | Style::Env) => 6,
        _ => 8,
    };
    if value.len() < least
        || has_space(value)
        || is_path(value)
        || is_call(value)
        || is_label(value)
    {
        return false;
    }
    if is_number(value) && style != Style::Env || names_another(value) || is_of_program(value, noun)
    {
        return false;
    }
    if style == Style::Bare && is_constant(value) {
        return false;
    }
    style == Style::Env
        || has_digit(value)
        || is_encoded(value)
        || has_random_letters(value, 8)
        || is_jumbled(value)
}

/// The text after the closing quote of `"Password: ", next`.
fn is_behind_a_text(value: &str) -> bool {
    value.starts_with(' ') || [", ", ") ", "; ", "+ "].iter().any(|head| value.starts_with(head))
}

/// `1.2.840.113549`, `_SA_{262E99C9-6160-4871-ACEC-4E61736B6F21}`
fn is_identifier(value: &str) -> bool {
    let is_uuid = value.ends_with('}') && value.matches('-').count() == 4;
    let is_version = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_uuid || value.matches('.').count() > 1 && is_version
}

/// Regular expressions, formats, URLs, bytes and types: generated keys never look like these.
fn is_of_program(value: &str, noun: Noun) -> bool {
    // Bytes in a program's notation are data, such as a test's.
    let is_bytes = value
        .strip_prefix('\\')
        .is_some_and(|rest| rest.starts_with(|first: char| first == 'x' || first.is_ascii_digit()));
    let is_pattern = value.contains(['[', '{']) || value.contains("(?");
    is_bytes
        || is_pattern
        || noun == Noun::Token && value.contains('(')
        || value.contains("%s") && !is_strong(value)
        || value.contains("://")
        || is_type_name(value)
}

/// `V1SecretProjection`, `ed25519.PrivateKey`: words in mixed case, one of them the kind of secret.
fn is_type_name(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let nouns = ["secret", "token", "password", "privatekey", "credential"];
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    nouns.iter().any(|noun| lower.contains(noun))
        && lower != value
        && value.bytes().all(|byte| ALNUM.has(byte) || b"_.".contains(&byte))
        && digits * 4 < value.len()
        && !has_random_letters(value, 8)
}

/// `LM_OWF_PASSWORD`, `PULONG64`: a constant or a type of a program.
pub(super) fn is_constant(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && value.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && (value.contains('_') || value.len() < 16)
}

/// `12345`, `1.5`, `0x8031006C`
fn is_number(value: &str) -> bool {
    let hex = value.strip_prefix("0x").filter(|digits| digits.len() <= 16);
    value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `u32`, `__be16`, `int64_t`, `[u16`
fn is_type(value: &str) -> bool {
    let bare = value.trim_start_matches(['_', '[']).trim_end_matches("_t");
    let name = bare.trim_end_matches(|last: char| last.is_ascii_digit());
    matches!(name, "u" | "i" | "f" | "s" | "be" | "le" | "int" | "uint" | "float")
        && matches!(bare.get(name.len()..), Some("8" | "16" | "32" | "64" | "128"))
}

/// It has more than letters. A name in a program needs no more.
fn has_evidence(value: &str) -> bool {
    if is_constant(value) {
        return false;
    }
    if value.contains(['(', '[', '{', '<'])
        && !value.starts_with(['(', '[', '{', '<'])
        && !has_mark(value)
    {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    let is_variable = value.bytes().all(|byte| ALNUM.has(byte) || byte == b'_' || byte == b'.')
        && ["password", "passwd", "token", "secret", "hash", "pwd", "str"]
            .iter()
            .any(|noun| lower.contains(noun))
        && !value.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_short_number = value.len() < 6 && is_number(value);
    (has_digit(value) || has_mark(value) || has_random_letters(value, 8) || is_jumbled(value))
        && !is_variable
        && !is_type(value)
        && !is_short_number
}

/// `Base64-encoded`: few digits among letters and dashes.
pub(super) fn is_wordy(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    digits < 4 && value.bytes().all(|byte| ALNUM.has(byte) || byte == b'-')
}

/// `python3Packages.callPackage`: names of a program, separated by dots.
pub(super) fn is_path_of_names(value: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| ALNUM.has(byte) || byte == b'_')
            && !has_random_letters(part, 8)
    };
    value.contains('.') && value.split('.').all(is_name)
}

/// A digit together with both cases or a mark, as in no word of prose.
pub(super) fn is_strong(value: &str) -> bool {
    let (mut lower, mut upper, mut digit, mut mark) = (false, false, false, false);
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' => lower = true,
            b'A'..=b'Z' => upper = true,
            b'0'..=b'9' => digit = true,
            b'.' | b'-' | b'_' | b'/' | b':' | b'(' | b')' => {}
            _ => mark = true,
        }
    }
    value.len() >= 8 && digit && (lower && upper || mark)
}

/// Longer and more mixed than any word with a number, such as hex digits.
pub(super) fn is_long_mix(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_mixed = digits >= 4 && digits < value.len();
    value.len() >= 20 && is_mixed && value.bytes().all(|byte| ALNUM.has(byte))
}

/// More mixed than any word or name.
pub(super) fn looks_generated(value: &str) -> bool {
    is_strong(value) || is_jumbled(value) || is_long_mix(value)
}

pub(super) fn has_digit(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
}

fn has_space(value: &str) -> bool {
    value.contains(char::is_whitespace)
}

/// A character that neither names in programs nor words have.
fn has_mark(value: &str) -> bool {
    value.bytes().any(is_mark)
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'#' | b'@' | b'%' | b'^' | b'+' | b'=' | b'~' | b'!' | b'*' | b'$')
}

/// A character of base64, or of URL encoding.
fn is_encoded(value: &str) -> bool {
    value.bytes().any(|byte| matches!(byte, b'@' | b'%' | b'^' | b'+' | b'=' | b'~'))
}

/// A label for people: `"password": "Enter your password"`.
fn is_label(value: &str) -> bool {
    const PROSE: &str = "your enter the must please invalid required forgot reset confirm password passwords token secret is \
    for of characters contain not set key new change with";
    let lower = value.to_ascii_lowercase();
    if !has_space(value) {
        // A key in a table of translations.
        return lower == value
            && !has_digit(value)
            && value.contains('.')
            && lower.contains("password");
    }
    lower
        .split(|letter: char| !letter.is_alphanumeric())
        .any(|word| PROSE.split(' ').any(|one| one == word))
}

/// `/run/secrets/token`, `~/.token`, `C:\token`: the place of a secret.
fn is_path(value: &str) -> bool {
    let rest =
        ["/", "~/", "./", "../", "C:", "file:"].iter().find_map(|head| value.strip_prefix(head));
    is_resource(value)
        || rest.is_some_and(|rest| {
            rest.split(['/', '\\']).all(|part| {
                let is_name =
                    part.bytes().all(|byte| ALNUM.has(byte) || b"._-$@{}".contains(&byte));
                is_name && !(part.len() >= 12 && (is_strong(part) || has_random_letters(part, 12)))
            })
        })
}

/// `projects/12345/secrets/name/versions/1`
fn is_resource(value: &str) -> bool {
    let is_word = |part: &str| {
        let one_case = part.to_ascii_lowercase() == part || part.to_ascii_uppercase() == part;
        let is_plain =
            part.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_.=*".contains(&byte));
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number || one_case && is_plain && !has_random_letters(part, 8)
    };
    value.matches('/').count() >= 2 && value.split('/').all(is_word)
}

/// `get_token(…`, `tokens[0]`
fn is_call(value: &str) -> bool {
    let name =
        value.bytes().take_while(|byte| ALNUM.has(*byte) || b"_.:!?$".contains(byte)).count();
    let opens = value.as_bytes().get(name);
    let arguments = value.get(name + 1..).unwrap_or_default();
    let marks = arguments.bytes().filter(|byte| is_mark(*byte)).count();
    name > 0
        && matches!(opens, Some(b'(' | b'['))
        && !value.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && marks < if value.len() < 40 { 3 } else { 1 }
}

/// `config.password`, `self.token`, `args.secret`. In quotes it would be a literal.
fn is_reference_to_code(value: &str, style: Style) -> bool {
    const ROOTS: &str = "process os env config settings self this req request res response args opts options ctx context user \
    params props state data form body secrets credentials creds var local module cfg conf session auth \
    input payload event account client std app db key login values cls parser lexer argparse flask \
    django";
    if matches!(style, Style::Field | Style::Quoted | Style::Query) {
        return false;
    }
    let is_path = value.contains("::")
        && value.bytes().all(|byte| ALNUM.has(byte) || b"_:<>&,;- ".contains(&byte));
    if is_path {
        return true;
    }
    let Some((root, rest)) = value.split_once(['.', ':', '?']) else {
        return false;
    };
    let is_name = rest.bytes().all(|byte| ALNUM.has(byte) || b"_.:?!&()[]'\"".contains(&byte));
    let root = root.trim_start_matches(['&', '*', '!']);
    is_name && ROOTS.split(' ').any(|one| one == root)
}

/// The name of a secret: `db-credentials-2`, `api_key_v2`, `DIALOG_TOKEN_2`.
fn names_another(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_name = lower
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte));
    let one_case = lower == value || value.to_ascii_uppercase() == value;
    let nouns = ["secret", "token", "password", "credential", "key", "auth"];
    let is_short = value.len() < 48 && value.contains(['-', '_', '.']);
    is_name && one_case && is_short && nouns.iter().any(|noun| lower.contains(noun))
}

#[cfg(test)]
mod tests {
    use super::super::names::Noun;
    use super::{Style, is_secret};

    #[test]
    fn a_bare_word_of_a_program_is_no_password() {
        for value in [
            "string",
            "String",
            "hashedPassword",
            "req.body.password",
            "z.string()",
            "getpass()",
            "password2",
            "Option<String>",
            "&str",
            "user.password,",
        ] {
            assert!(!is_secret(value, Noun::Password, Style::Bare), "{value}");
        }
        for value in ["hunter2", "Tr0ub4dor&3", "p@ssword", "123456"] {
            assert!(is_secret(value, Noun::Password, Style::Bare), "{value}");
        }
    }

    #[test]
    fn a_quoted_label_is_no_password() {
        for value in ["Enter your password", "form.password.label", "Password", "/run/secrets/db"] {
            assert!(!is_secret(value, Noun::Password, Style::Quoted), "{value}");
        }
        assert!(is_secret("correct horse battery staple", Noun::Password, Style::Quoted));
    }

    #[test]
    fn a_token_is_made_by_a_machine() {
        for value in [
            "identifier",
            "lexer.next()",
            "1234567890",
            "db-token-2",
            "end_of_file",
            "/var/run/token1",
        ] {
            assert!(!is_secret(value, Noun::Token, Style::Quoted), "{value}");
        }
        for value in ["a1b2c3d4e5f6", "/q9Xo0rTTwzQm2vXkq/1", "QWxhZGRpbjpPcGVuU2VzYW1l"] {
            assert!(is_secret(value, Noun::Token, Style::Quoted), "{value}");
        }
    }
}
