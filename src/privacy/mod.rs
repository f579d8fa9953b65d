//! Removes content that must not or need not leave the machine, after the observations are made. Pure.
//!
//! The capture mode comes first, then secrets, then length: a cut must not hide the beginning of a secret from its rule.

mod base64;
mod capture;
mod clean;
mod masked;
mod masker;
mod own_keys;
mod tally;
mod truncate;

use secrets::Patterns;
use serde_json::Value;

use crate::config::{Capture, Config, Experiment, RequestCapture};
use crate::trace::{Agreement, Context, MetadataKey, Observation, private_digest};

pub use clean::Clean;
use masker::Masker;
use tally::Tally;

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The longest text that is sent whole, in characters (`CC_LANGFUSE_MAX_CHARS`).
    pub max_chars: usize,
    /// Whether secrets are masked (`CC_LANGFUSE_MASK`).
    pub mask: bool,
    /// How much content leaves (`CC_LANGFUSE_CAPTURE`).
    pub capture: Capture,
    /// Whether images and documents are uploaded (`CC_LANGFUSE_MEDIA`). No mask sees into them.
    pub media: bool,
    /// How much of a request leaves beside its messages (`CC_LANGFUSE_REQUEST`).
    pub request: RequestCapture,
    /// The user's own patterns (`CC_LANGFUSE_MASK_PATTERNS`).
    pub patterns: Patterns,
}

/// Masked, in full, cut at the default length.
impl Default for Policy {
    fn default() -> Self {
        Self {
            max_chars: 100_000,
            mask: true,
            capture: Capture::Full,
            media: false,
            request: RequestCapture::Off,
            patterns: Patterns::default(),
        }
    }
}

impl From<&Config> for Policy {
    fn from(config: &Config) -> Self {
        Self {
            max_chars: config.max_chars,
            mask: config.mask,
            capture: config.capture,
            media: config.media,
            request: config.request_capture,
            patterns: match config.mask {
                true => config
                    .mask_patterns
                    .iter()
                    .fold(Patterns::default(), |all, more| all.and(&more.text, more.masks_only))
                    .with_literals(own_keys::literals(config)),
                false => Patterns::default(),
            },
        }
    }
}

/// Why nothing may be sent: the user's patterns or settings are unreadable.
pub fn invalid_patterns(config: &Config) -> Option<String> {
    if let Some(problem) = &config.suspended {
        return Some(problem.to_string());
    }
    if config.mask_patterns.is_empty() {
        return None;
    }
    let policy = Policy::from(config);
    let problem = policy.problem()?;
    Some(format!(
        "CC_LANGFUSE_MASK_PATTERNS can't be read ({problem}): nothing is sent until it can"
    ))
}

impl Policy {
    /// The agreement for a turn that is first seen under this policy.
    pub fn agreement(&self) -> Agreement {
        let (masks, allows) = self.patterns.written();
        let digests = |patterns: Vec<String>| {
            let digests = patterns.iter().map(|pattern| private_digest(pattern.as_bytes()));
            digests.collect()
        };
        Agreement {
            capture: self.capture,
            media: self.media,
            request: self.request,
            unmasked: !self.mask,
            masks: digests(masks),
            allows: digests(allows),
        }
    }

    /// The stricter of this policy and the agreement; `None` if a pattern of the agreement is missing.
    pub fn within(&self, agreed: &Agreement) -> Option<Self> {
        let mut policy = self.clone();
        policy.capture = self.capture.max(agreed.capture);
        policy.media = self.media && agreed.media;
        policy.request = self.request.min(agreed.request);
        policy.mask |= !agreed.unmasked;
        agreed.is_met_by(&self.agreement()).then_some(policy)
    }

    /// Why the user's own patterns are unusable. Callers check [`invalid_patterns`] before they send; otherwise no content is
    /// sent, as in the capture mode `metadata`.
    pub fn problem(&self) -> Option<&str> {
        self.patterns.problem()
    }

    fn effective_capture(&self) -> Capture {
        if self.problem().is_some() { Capture::Metadata } else { self.capture }
    }

    /// Applies the policy to the content of an observation.
    pub fn apply(&self, observation: &mut Observation) {
        self.apply_to_next(observation, &mut Clean::default());
    }

    /// Applies the policy to one observation of many; `clean` holds the texts without secrets.
    pub fn apply_to_next(&self, observation: &mut Observation, clean: &mut Clean) {
        let problem = self.problem();
        let capture = self.effective_capture();
        let mut masker = Masker { clean: std::mem::take(clean), ..self.masker() };
        // It needs the whole texts, which the capture mode may remove.
        observation.status = masker.status(observation);
        capture::apply(observation, capture);
        masker.observation(observation);
        let masked = match problem {
            Some(problem) => format!("all content left out: CC_LANGFUSE_MASK_PATTERNS {problem}"),
            None => masker.tally.to_string(),
        };
        *clean = masker.clean;
        observation.note(MetadataKey::Masked, Some(masked));
    }

    fn masker(&self) -> Masker<'_> {
        Masker {
            max_chars: self.max_chars,
            patterns: self.mask.then_some(&self.patterns),
            tally: Tally::default(),
            clean: Clean::default(),
        }
    }

    /// Applies the policy to messages in the API's blocks. The capture mode `metadata` removes them whole.
    pub fn apply_to_messages(&self, messages: &mut Value) {
        match self.effective_capture() {
            Capture::Metadata => *messages = Value::Null,
            Capture::NoToolContent => capture::without_tools_in(messages),
            Capture::Full => {}
        }
        self.masker().value(messages);
    }

    /// Applies the policy to a name that state keeps until it is sent.
    pub fn apply_to_name(&self, name: &mut String) {
        self.masker().text(name);
    }

    /// Masks a text that is never truncated: a cut version is no version.
    pub fn apply_to_whole(&self, text: &mut String) {
        Masker { max_chars: usize::MAX, ..self.masker() }.text(text);
    }

    /// Applies the policy to the attributes of a whole trace. Ids, user, environment and release stay: traces are found by
    /// them.
    pub fn apply_to_context(&self, context: &mut Context) {
        let mut masker = self.masker();
        let named = [&mut context.name].into_iter().chain(&mut context.tags);
        for text in named.chain(&mut context.version) {
            masker.text(text);
        }
        for (name, text) in &mut context.metadata {
            masker.named_text(name, text);
            masker.text(text);
        }
        context.title.iter_mut().for_each(|title| self.apply_to_title(title));
        if let Some(trial) = &mut context.experiment {
            self.apply_to_experiment(&mut trial.of);
        }
    }

    /// Applies the policy to the title of a session.
    pub fn apply_to_title(&self, title: &mut String) {
        self.masker().text(title);
        if self.effective_capture() == Capture::Metadata {
            capture::leave_out_title(Some(title));
        }
    }

    /// Applies the policy to the texts of an experiment.
    pub fn apply_to_experiment(&self, experiment: &mut Experiment) {
        let mut masker = self.masker();
        let texts = experiment.expected_output.iter_mut();
        let texts = texts.chain(&mut experiment.description);
        for text in texts.chain([&mut experiment.name]) {
            masker.text(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Policy;

    fn applied(mut value: serde_json::Value, max_chars: usize) -> serde_json::Value {
        let policy = Policy { max_chars, ..Policy::default() };
        policy.masker().value(&mut value);
        value
    }

    #[test]
    fn long_text_is_cut_at_every_depth_and_short_text_stays() {
        let long = "é".repeat(1000);
        let cut = applied(json!({"a": [{"b": long, "c": "short", "d": 1}]}), 100);
        let text = cut["a"][0]["b"].as_str().unwrap();
        assert!(text.contains("1000 characters"), "{text}");
        assert!(text.chars().count() <= 100);
        assert_eq!(cut["a"][0]["c"], "short");
        assert_eq!(cut["a"][0]["d"], 1);
    }

    #[test]
    fn base64_becomes_its_type_and_size_wherever_it_stands() {
        let source = json!({"type": "base64", "media_type": "image/png", "data": "AAECAw=="});
        let masked = applied(json!([{"source": source}, "data:image/gif;base64,AAAA"]), 100);
        assert_eq!(masked[0]["source"]["data"], "[base64: image/png, 4 bytes]");
        assert_eq!(masked[1], "[base64: image/gif, 3 bytes]");
    }

    #[test]
    fn a_secret_across_the_cut_is_masked_before_it() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let text = format!("{}{token}{}", "x ".repeat(33), "y ".repeat(200));
        let cut = applied(json!(text), 120);
        assert!(!cut.as_str().unwrap().contains("a1B2"), "{cut}");
    }

    #[test]
    fn sends_no_part_of_a_secret_from_a_partly_read_text() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let spaced = |letter: &str| format!("{letter} ").repeat(4_000);
        // Whole tokens everywhere, so that some cross the cut. Where the text was read in part: halves.
        let side = |letter: &str| spaced(&format!("{letter} {token}"));
        let head = format!("{}{}", side("h"), &token[..20]);
        let tail = format!("{}{}", &token[20..], side("t"));
        let text = format!("{head}\u{fdd0}1000000\u{fdd0}{tail}");
        let count = head.len() + 1_000_000 + tail.len();
        for max_chars in 200..240 {
            let cut = applied(json!(text), max_chars);
            let cut = cut.as_str().unwrap();
            assert!(cut.contains(&format!("…[cut: {count} characters in all]…")));
            assert!(cut.starts_with("h [masked: github-token, 40 chars] h"));
            assert!(cut.ends_with("[masked: github-token, 40 chars] "));
            assert!(cut.chars().count() <= max_chars && !cut.contains("a1B2"), "{cut}");
        }
    }
}
