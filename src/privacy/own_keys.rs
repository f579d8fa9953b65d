//! The program's own keys and headers. Their values are known, so that no rule is needed to find them, plain or
//! inside any base64.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use crate::config::Config;

/// Shorter keys occur in ordinary texts.
const MIN_KEY_BYTES: usize = 8;

/// The texts in which a key of the configured destination can appear.
pub(super) fn literals(config: &Config) -> Vec<String> {
    let Ok(destination) = &config.destination else {
        return Vec::new();
    };
    let (public, secret) = (destination.public_key.as_str(), destination.secret_key.expose());
    let headers = config.headers.iter().map(|(_, value)| value.expose());
    let mut literals = vec![BASE64_STANDARD.encode(format!("{public}:{secret}"))];
    for key in [public, secret].into_iter().chain(headers).filter(|key| key.len() >= MIN_KEY_BYTES)
    {
        literals.push(key.to_owned());
        literals.extend((0..3).flat_map(|before| encoded(key, before)));
    }
    literals.sort_unstable();
    literals.dedup();
    literals
}

/// The constant part of the base64 of a text with the key at this offset (modulo 3).
fn encoded(key: &str, before: usize) -> [String; 2] {
    let bytes = [&vec![0; before], key.as_bytes()].concat();
    // Characters with bits of the neighbouring bytes vary.
    let known = before.saturating_mul(8).div_ceil(6)..bytes.len() * 8 / 6;
    [BASE64_STANDARD.encode(&bytes), BASE64_URL_SAFE.encode(&bytes)]
        .map(|text| text.get(known.clone()).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::encoded;

    #[test]
    fn the_base64_of_a_key_is_found_at_every_place_of_a_text() {
        let key = "sk-lf-0a1b2c3d-4e5f";
        let literals: Vec<String> = (0..3).flat_map(|before| encoded(key, before)).collect();
        for length in 0..7 {
            let text = format!("{}{key}{}", "x".repeat(length), "y".repeat(length));
            let base64 = BASE64_STANDARD.encode(text);
            let longest = literals
                .iter()
                .filter(|literal| base64.contains(&***literal))
                .map(String::len)
                .max();
            assert!(longest.is_some_and(|length| length >= 24), "{base64}");
        }
    }
}
