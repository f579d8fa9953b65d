//! Texts without a secret. Nearly every text is sent twice (a tool's output also in the input of the next model call,
//! an answer also in the root) and is searched once.

use std::collections::BTreeSet;

/// A shorter text is searched as fast as it is looked up here.
const MIN_TEXT_BYTES: usize = 128;

/// Larger than the texts of most turns.
const MAX_TOTAL_BYTES: usize = 1024 * 1024;

/// Texts that one policy searched without finding a secret.
#[derive(Debug, Default)]
pub struct Clean {
    texts: BTreeSet<String>,
    bytes: usize,
}

impl Clean {
    pub(super) fn holds(&self, text: &str) -> bool {
        text.len() >= MIN_TEXT_BYTES && self.texts.contains(text)
    }

    pub(super) fn add(&mut self, text: &str) {
        if !(MIN_TEXT_BYTES..=MAX_TOTAL_BYTES).contains(&text.len()) {
            return;
        }
        if self.bytes + text.len() > MAX_TOTAL_BYTES {
            *self = Self::default();
        }
        self.bytes += text.len();
        self.texts.insert(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use super::{Clean, MAX_TOTAL_BYTES, MIN_TEXT_BYTES};
    use crate::privacy::Policy;
    use crate::trace::{Content, MetadataKey, Observation, SpanId, SpanName, TraceId};

    #[test]
    fn a_repeated_text_is_masked_as_if_alone() {
        let plain = "value = path/to/file.rs\n".repeat(20);
        let secret = format!("{plain}ghp_{}", "a1B2".repeat(9));
        let observed = || {
            let (trace, span) = (TraceId::of_seed("t"), SpanId::given("s"));
            let mut observation =
                Observation::new(SpanName::CHAT, &trace, span, None, Timestamp::from_millis(1));
            observation.input = Some(Content::Json(json!([plain, secret, {"content": plain}])));
            observation.output = Some(Content::Text(secret.clone()));
            observation
        };
        let (policy, mut clean) = (Policy::default(), Clean::default());
        let mut alone = observed();
        policy.apply(&mut alone);
        assert_eq!(alone.metadata[&MetadataKey::Masked], "github-token 2");
        for _ in 0..3 {
            let mut next = observed();
            policy.apply_to_next(&mut next, &mut clean);
            assert_eq!(next, alone);
        }
        assert!(clean.holds(&plain) && !clean.holds(&secret));
    }

    #[test]
    fn remembered_texts_stay_within_the_limit() {
        let mut clean = Clean::default();
        for number in 0..5_000 {
            let text = format!("{number:0MIN_TEXT_BYTES$}");
            clean.add(&text);
            assert!(clean.holds(&text) && clean.bytes <= MAX_TOTAL_BYTES);
        }
        assert!(!clean.holds("another one, and too short"));
        clean.add(&"x".repeat(MAX_TOTAL_BYTES + 1));
        assert!(clean.texts.iter().all(|text| text.len() == MIN_TEXT_BYTES));
    }
}
