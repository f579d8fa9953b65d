//! Secrets that are recognised by their shape, because their beginning is not enough.

use super::alphabet::{
    ALNUM, Alphabet, BASE64, DOTTED, HEX, URLSAFE, before, begins_word, byte, entropy,
};
use super::hit::Hit;
use super::name::is_after_escape;
use super::placeholders::is_filling;
use super::random::has_random_letters;
use super::values::{has_digit, is_strong};

/// The maximum length of a token's part. A longer one is data.
const MAX_PART_BYTES: usize = 8192;
/// The maximum length of an inner header, which rarely exceeds 200.
const MAX_INNER_HEADER_BYTES: usize = 512;

/// A JSON Web Token, signed or not, or encrypted, or with its end cut off.
pub(super) fn jwt(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !begins_word(bytes, at) {
        return None;
    }
    // Within a base64url word, which may have many such positions, it is not read to the end each time.
    let is_inside = URLSAFE.has(before(bytes, at)) && URLSAFE.run_before(bytes, at, 8) == 8;
    let most = if is_inside { MAX_INNER_HEADER_BYTES } else { MAX_PART_BYTES };
    let header = URLSAFE.run(bytes, at, most);
    if header < 16 || byte(bytes, at + header) != b'.' {
        return None;
    }
    let mut end = at + header + 1;
    let claims = URLSAFE.run(bytes, end, usize::MAX);
    let is_encrypted = byte(bytes, end + claims) == b'.';
    if !(text.get(end..)?.starts_with("ey") && claims >= 10 || is_encrypted && claims == 0) {
        return None;
    }
    end += claims;
    for _ in 0..3 {
        if byte(bytes, end) != b'.' {
            break;
        }
        let part = URLSAFE.run(bytes, end + 1, usize::MAX);
        if part > 0 || byte(bytes, end + 1) == b'.' {
            end += part + 1;
        }
    }
    Some(Hit::new(at, end, "jwt"))
}

/// `hooks.slack.com/services/T…/B…/…`: the path alone allows posting.
pub(super) fn slack_webhook(text: &str, at: usize) -> Option<Hit> {
    let path = at + "hooks.slack.com/".len();
    let rest = text.get(path..)?;
    let kind =
        ["services/", "workflows/", "triggers/"].into_iter().find(|kind| rest.starts_with(kind))?;
    tail(text, path + kind.len(), BASE64, 24, "slack-webhook")
}

/// `discord.com/api/webhooks/<id>/<token>`
pub(super) fn discord_webhook(text: &str, at: usize) -> Option<Hit> {
    let id = at + text.get(at..)?.find("webhooks/")? + "webhooks/".len();
    let bytes = text.as_bytes();
    let token = id + HEX.run(bytes, id, 24);
    if byte(bytes, token) != b'/' {
        return None;
    }
    tail(text, token + 1, URLSAFE, 40, "discord-webhook")
}

/// `….webhook.office.com/webhookb2/…`
pub(super) fn teams_webhook(text: &str, at: usize) -> Option<Hit> {
    let path = at + "webhook.office.com/".len();
    let bytes = text.as_bytes();
    let end = bytes
        .get(path..)?
        .iter()
        .take(400)
        .position(|byte| !(DOTTED.has(*byte) || matches!(byte, b'/' | b'@')));
    let end = path + end.unwrap_or(bytes.len().min(path + 400) - path);
    let is_hook = text.get(path..end)?.contains("/IncomingWebhook/");
    is_hook.then(|| Hit::new(path, end, "teams-webhook"))
}

fn tail(
    text: &str,
    start: usize,
    alphabet: Alphabet,
    least: usize,
    kind: &'static str,
) -> Option<Hit> {
    let length = alphabet.run(text.as_bytes(), start, 200);
    let secret = text.get(start..start + length)?;
    (length >= least && !is_filling(secret) && is_drawn(secret))
        .then(|| Hit::new(start, start + length, kind))
}

fn is_drawn(secret: &str) -> bool {
    has_digit(secret) || has_random_letters(secret, 16)
}

/// A bot's token: its id in base64, a time, a signature.
pub(super) fn discord_token(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    if !begins_word(bytes, at) {
        return None;
    }
    let id = ALNUM.run(bytes, at, 29);
    let time_at = at + id + 1;
    if !(23..=28).contains(&id) || byte(bytes, at + id) != b'.' {
        return None;
    }
    let time = URLSAFE.run(bytes, time_at, 8);
    let signature_at = time_at + time + 1;
    if !(6..=7).contains(&time) || byte(bytes, time_at + time) != b'.' {
        return None;
    }
    let signature = URLSAFE.run(bytes, signature_at, 80);
    // The base64 of digits has certain characters in every fourth position.
    let is_number = bytes
        .get(at..at + id)?
        .chunks(4)
        .all(|four| matches!(four.first(), Some(b'M' | b'N' | b'O')));
    (is_number && (27..=64).contains(&signature))
        .then(|| Hit::new(at, signature_at + signature, "discord-token"))
}

/// `<bot id>:A…`
pub(super) fn telegram_token(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let digits =
        bytes.get(..at)?.iter().rev().take(15).take_while(|byte| byte.is_ascii_digit()).count();
    let body = URLSAFE.run(bytes, at + 1, 36);
    // Digits of an escape before it: `%22`, `\u0022`.
    let escape = match before(bytes, at - digits) {
        b'%' => 2,
        b'u' if before(bytes, at - digits - 1) == b'\\' => 4,
        _ => 0,
    };
    let id = digits.checked_sub(escape)?;
    let start = at - id;
    // The API's URLs have `/bot` before it.
    let opens = begins_word(bytes, start) || text.get(..start)?.ends_with("bot");
    ((8..=10).contains(&id) && body == 35 && opens && is_drawn(text.get(at + 1..at + 36)?))
        .then(|| Hit::new(start, at + 36, "telegram-token"))
}

/// 32 hex digits and the data centre: `-us12`.
pub(super) fn mailchimp_key(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let start = word_before(bytes, at, HEX, 32)?;
    let centre =
        bytes.get(at + 3..)?.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    (1..=2).contains(&centre).then(|| Hit::new(start, at + 3 + centre, "mailchimp-key"))
}

/// `pat`, 14 letters, a dot, 64 hex digits.
pub(super) fn airtable_token(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let is_token = begins_word(bytes, at)
        && ALNUM.run(bytes, at, 18) == 17
        && byte(bytes, at + 17) == b'.'
        && HEX.run(bytes, at + 18, 65) == 64;
    is_token.then(|| Hit::new(at, at + 82, "airtable-token"))
}

/// `Abc123_<29 letters>_mmk`
pub(super) fn maxmind_key(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let long = at.checked_sub(29).filter(|_| ALNUM.run_before(bytes, at, 29) == 29)?;
    let short = word_before(bytes, long.checked_sub(1)?, ALNUM, 6)
        .filter(|_| before(bytes, long) == b'_')?;
    Some(Hit::new(short, at + 4, "maxmind-key"))
}

/// The secret of an Entra application: three characters, a digit, `Q~`, 31 to 34 characters.
pub(super) fn azure_secret(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| DOTTED.has(byte) || byte == b'~';
    let start = at.checked_sub(4)?;
    let head = bytes.get(start..at)?;
    let body = bytes.get(at + 2..)?.iter().take(36).take_while(|byte| is_part(**byte)).count();
    let is_secret = head.iter().all(|byte| is_part(*byte))
        && head.last().is_some_and(u8::is_ascii_digit)
        && (31..=34).contains(&body)
        && begins_word(bytes, start);
    is_secret.then(|| Hit::new(start, at + 2 + body, "azure-client-secret"))
}

/// 76 letters, `AZDO`, four letters.
pub(super) fn azure_devops_token(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let start = word_before(bytes, at, ALNUM, 76)?;
    (ALNUM.run(bytes, at + 4, 5) == 4).then(|| Hit::new(start, at + 8, "azure-devops-token"))
}

/// 14 letters, `.atlasv1.`, 60 letters and more.
pub(super) fn terraform_token(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let body_at = at + ".atlasv1.".len();
    let body = URLSAFE.run(bytes, body_at, 80);
    let start = word_before(bytes, at, ALNUM, 14)?;
    (body >= 50).then(|| Hit::new(start, body_at + body, "terraform-token"))
}

/// `EAAA` begins a lot of base64. A token is alone and irregular.
pub(super) fn square_token(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let length = URLSAFE.run(bytes, at, 72);
    let body = text.get(at..at + length)?;
    let is_data = is_in_base64(text, at) || matches!(byte(bytes, at + length), b'/' | b'+' | b'=');
    ((60..=70).contains(&length)
        && begins_word(bytes, at)
        && !is_data
        && is_strong(body)
        && entropy(body.as_bytes()) > 4.5)
        .then(|| Hit::new(at, at + length, "square-token"))
}

/// Whether base64 precedes a position after its `/` or `+`, rather than the sign of a diff or a path.
fn is_in_base64(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let head = BASE64.run_before(bytes, at, 80);
    if !matches!(before(bytes, at), b'/' | b'+') {
        return false;
    }
    let is_path = || {
        let names = text.get(at - head..at).unwrap_or_default();
        matches!(before(bytes, at - head), b'.' | b':' | b'-')
            || !names.contains('+') && !names.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    // An escaped line end: `\n+`.
    let sign = 1 + usize::from(is_after_escape(bytes, at - 1));
    head > sign && !is_path()
}

/// The start of a word of exactly this length that ends before `at`.
fn word_before(bytes: &[u8], at: usize, alphabet: Alphabet, length: usize) -> Option<usize> {
    let start = at.checked_sub(length)?;
    (alphabet.run_before(bytes, at, length) == length && begins_word(bytes, start)).then_some(start)
}
