//! Names of secrets: `DB_PASSWORD`, `clientSecret`, `x-api-key`, `access_token`.
//!
//! Lists of words are one text with spaces: a list of texts would need a relocation per word.

/// The kind of secret in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    /// Chosen by people: any text.
    Password,
    /// Several words.
    Phrase,
    /// Generated.
    Key,
    /// Generated; but programs and prose use the word for many other things.
    Token,
    /// The value of an `Authorization` header.
    Authorization,
    /// The value of a `Cookie` or `Set-Cookie` header.
    Cookie,
    /// The signature of a URL.
    Signature,
}

impl Noun {
    /// The name of the kind in a mask.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Phrase => "passphrase",
            Self::Key => "secret",
            Self::Token => "token",
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::Signature => "url-signature",
        }
    }
}

/// Longer names are ignored.
pub(super) const MAX_NAME_BYTES: usize = 80;

const PASSWORDS: &str = "password passwd passcode passwort _pwd _pw";
const PHRASES: &str = "passphrase mnemonic seed_phrase recovery_phrase seedphrase";
const KEYS: &str = "secret secret_key secretkey api_key apikey access_key accesskey private_key privatekey signing_key \
    encryption_key decryption_key master_key account_key accountkey shared_key auth_key license_key \
    deploy_key service_key storage_key session_key app_key application_key admin_key subscription_key \
    functions_key hmac_key jwt_key aes_key cipher_key webhook_key server_key token_key crypto_key \
    integration_key secretvalue secret_value secret_string";
const TOKENS: &str = "token _pat jwt _auth bearer";

/// `DB_PASS`, but not `first_pass`.
const OF_PASS: &str = "db database user smtp mail email admin root mysql postgres pg redis mongo mongodb ftp sftp ssh basic \
    auth http proxy login rabbitmq imap ldap keystore sudo wifi vpn registry docker app api service my";

/// `next_token` is a position in a list, `eos_token` a word of a model, `peek_token` a parser's.
const NOT_OF_TOKEN: &str = "next page continuation sync cancel cancellation start end prev previous last first eos bos pad unk \
    mask sep cls current cur peek stop special lex lexer syntax parse parser keyword ident identifier \
    max min num per pagination resume cursor this that each every one no new_line input output design \
    color css punct operator literal by change idempotency client_request concurrency public publishable \
    invalid unexpected missing expected";

/// The kind of secret in a name, if there is one.
pub(super) fn noun_of(name: &str) -> Option<Noun> {
    if name.len() > MAX_NAME_BYTES || !has_root(name) {
        return None;
    }
    let words = words_of(name);
    let mut words = words.as_str();
    while let Some(shorter) = without_tail(words) {
        words = shorter;
    }
    match words {
        "authorization" | "proxy_authorization" | "x_authorization" => {
            return Some(Noun::Authorization);
        }
        "cookie" | "set_cookie" | "cookies" => return Some(Noun::Cookie),
        "sig" | "x_amz_signature" | "x_goog_signature" => return Some(Noun::Signature),
        "auth" | "authtoken" => return Some(Noun::Token),
        "pass" | "pwd" | "old_pwd" => return None,
        _ => {}
    }
    let ends = |nouns: &str| nouns.split(' ').any(|noun| words.ends_with(noun));
    if ends(PASSWORDS) || has_pass(words) {
        Some(Noun::Password)
    } else if ends(PHRASES) {
        Some(Noun::Phrase)
    } else if ends(KEYS) {
        let is_public = words.contains("public") || words.contains("publishable");
        (!is_public).then_some(Noun::Key)
    } else if ends(TOKENS) {
        let owner = words.strip_suffix("token").unwrap_or_default();
        let owner = owner.trim_end_matches('_');
        let owner = owner.rsplit('_').next().unwrap_or_default();
        (!NOT_OF_TOKEN.split(' ').any(|one| one == owner)).then_some(Noun::Token)
    } else {
        None
    }
}

/// `SET_PASSWORD = "SetPassword"`: the value is the end of its own name, in another spelling.
pub(super) fn names_itself(name: &str, value: &str) -> bool {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let value = letters(value);
    value.len() >= 8 && letters(name).ends_with(&value)
}

/// Whether the name contains a part of a noun. Most names end here, unsplit.
fn has_root(name: &str) -> bool {
    name.as_bytes().windows(3).any(|three| {
        let [first, second, third] = three else {
            return false;
        };
        matches!(
            &[first | 32, second | 32, third | 32],
            b"pas"
                | b"pwd"
                // `_pw`, with the bit for lower case.
                | b"\x7fpw"
                | b"sec"
                | b"key"
                | b"tok"
                | b"aut"
                | b"jwt"
                | b"pat"
                | b"bea"
                | b"coo"
                | b"sig"
                | b"phr"
                | b"mne"
        )
    })
}

fn has_pass(words: &str) -> bool {
    words
        .strip_suffix("_pass")
        .and_then(|owner| owner.rsplit('_').next())
        .is_some_and(|owner| OF_PASS.split(' ').any(|one| one == owner))
}

fn without_tail(words: &str) -> Option<&str> {
    let bare = words.trim_end_matches(|last: char| last.is_ascii_digit());
    let bare = bare.strip_suffix('_').unwrap_or(bare);
    if !bare.is_empty() && bare.len() < words.len() {
        return Some(bare);
    }
    let (words, tail) = words.rsplit_once('_')?;
    (is_tail(tail) && !words.is_empty()).then_some(words)
}

/// A word that may follow the noun: `SECRET_PROD`, `PASSWORD_BASE64`.
fn is_tail(word: &str) -> bool {
    matches!(
        word,
        "prod"
            | "production"
            | "staging"
            | "stage"
            | "dev"
            | "development"
            | "test"
            | "testing"
            | "live"
            | "sandbox"
            | "old"
            | "new"
            | "current"
            | "previous"
            | "primary"
            | "secondary"
            | "default"
            | "b64"
            | "base64"
            | "value"
            | "plain"
            | "plaintext"
            | "raw"
            | "base"
            | "backup"
            | "local"
            | "main"
            | "readonly"
            | "admin"
    )
}

/// The name in lower case, with `_` for dashes, dots and before capitals.
fn words_of(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    let mut previous = '_';
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() {
            if previous != '_' {
                words.push('_');
            }
            previous = '_';
            continue;
        }
        if letter.is_ascii_uppercase() && previous.is_ascii_lowercase() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
        previous = letter;
    }
    words.truncate(words.trim_end_matches('_').len());
    words
}

#[cfg(test)]
mod tests {
    use super::{Noun, noun_of};

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for (name, noun) in [
            ("password", Noun::Password),
            ("DB_PASSWORD", Noun::Password),
            ("PGPASSWORD", Noun::Password),
            ("spring.datasource.password", Noun::Password),
            ("dbPassword2", Noun::Password),
            ("SMTP_PASS", Noun::Password),
            ("LDAP_BIND_PW", Noun::Password),
            ("clientSecret", Noun::Key),
            ("x-api-key", Noun::Key),
            ("AWS_SECRET_ACCESS_KEY", Noun::Key),
            ("SECRET_KEY_BASE", Noun::Key),
            ("STRIPE_SECRET_PROD", Noun::Key),
            ("access_token", Noun::Token),
            ("_authToken", Noun::Token),
            ("Authorization", Noun::Authorization),
            ("Set-Cookie", Noun::Cookie),
        ] {
            assert_eq!(noun_of(name), Some(noun), "{name}");
        }
    }

    #[test]
    fn names_of_other_things_are_not() {
        for name in [
            "",
            "PWD",
            "OLDPWD",
            "max_tokens",
            "tokens",
            "nextToken",
            "page_token",
            "eos_token",
            "tokenizer",
            "token_type",
            "password_field",
            "secretName",
            "first_pass",
            "bypass",
            "compass",
            "key",
            "primary_key",
            "public_access_key",
            "author",
            "keyboard",
            "secret_arn",
            "cache_key",
        ] {
            assert_eq!(noun_of(name), None, "{name}");
        }
    }
}
