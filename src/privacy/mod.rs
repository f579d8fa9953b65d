//! What must not or need not leave the machine is taken out here, after everything that leaves was made. Pure.
//!
//! In this order: what the capture mode leaves out, then secrets, then what is too long: a cut never hides the beginning
//! of a secret from the rule that knows it by that.

mod base64;
mod capture;
mod clean;
mod masked;
mod status;
mod structure;
mod tally;
mod truncate;

use std::ops::Range;

use secrets::Patterns;
use serde_json::Value;
use transcript::{Excerpt, excerpt};

use crate::config::{Capture, Config, Experiment};
use crate::trace::{Agreement, Content, Context, MetadataKey, Observation, private_digest};

pub use clean::Clean;
use masked::masked;
use tally::Tally;
use truncate::{Cut, offset_of};

/// What is taken out.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The longest text that is sent whole, in characters (`CC_LANGFUSE_MAX_CHARS`).
    pub max_chars: usize,
    /// Whether secrets are masked (`CC_LANGFUSE_MASK`).
    mask: bool,
    /// How much content leaves (`CC_LANGFUSE_CAPTURE`).
    capture: Capture,
    /// The person's own patterns (`CC_LANGFUSE_MASK_PATTERNS`).
    patterns: Patterns,
}

/// Masked, in full, cut at the default length.
impl Default for Policy {
    fn default() -> Self {
        Self {
            max_chars: 100_000,
            mask: true,
            capture: Capture::Full,
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
            patterns: Patterns::new(config.mask_patterns.as_deref().filter(|_| config.mask)),
        }
    }
}

/// Why nothing may be sent: the person wants something to stay here, and it can't be read what.
pub fn invalid_patterns(config: &Config) -> Option<String> {
    if let Some(problem) = &config.suspended {
        return Some(problem.to_string());
    }
    let policy = Policy::from(config);
    let problem = policy.problem()?;
    Some(format!(
        "CC_LANGFUSE_MASK_PATTERNS can't be read ({problem}): nothing is sent until it can"
    ))
}

impl Policy {
    /// What a turn is agreed to that is first met under this policy.
    pub fn agreement(&self) -> Agreement {
        let (masks, allows) = self.patterns.written();
        let digests = |patterns: Vec<String>| {
            let digests = patterns.iter().map(|pattern| private_digest(pattern.as_bytes()));
            digests.collect()
        };
        Agreement {
            capture: self.capture,
            unmasked: !self.mask,
            masks: digests(masks),
            allows: digests(allows),
        }
    }

    /// The stricter of this policy and of what was agreed; `None` where the patterns of that are not there any more.
    pub fn within(&self, agreed: &Agreement) -> Option<Self> {
        let mut policy = self.clone();
        policy.capture = self.capture.max(agreed.capture);
        policy.mask |= !agreed.unmasked;
        agreed.is_met_by(&self.agreement()).then_some(policy)
    }

    /// The default policy with another length.
    pub fn with_max_chars(max_chars: usize) -> Self {
        Self { max_chars, ..Self::default() }
    }

    /// Why the person's own patterns can't be used, if they can't. Who asks first sends nothing ([`unmet_wish`]); who does
    /// not gets no content, as in the capture mode `metadata`.
    pub fn problem(&self) -> Option<&str> {
        self.patterns.problem()
    }

    /// Applies the policy to everything in an observation that comes from the transcript.
    pub fn apply(&self, observation: &mut Observation) {
        self.apply_to_next(observation, &mut Clean::default());
    }

    /// The same to one observation after the other; `clean`: what was learned about their texts.
    pub fn apply_to_next(&self, observation: &mut Observation, clean: &mut Clean) {
        let problem = self.problem();
        let capture = if problem.is_some() { Capture::Metadata } else { self.capture };
        let mut masker = Masker { clean: std::mem::take(clean), ..self.masker() };
        // Before the full texts that it is the beginning of are gone.
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
        Masker { policy: self, tally: Tally::default(), clean: Clean::default() }
    }

    /// Applies the policy to messages in the API's blocks. In the capture mode `metadata` nothing of them is left.
    pub fn apply_to_messages(&self, messages: &mut Value) {
        match (self.capture, self.problem()) {
            (Capture::Metadata, _) | (_, Some(_)) => *messages = Value::Null,
            (Capture::NoToolContent, None) => capture::without_tools_in(messages),
            (Capture::Full, None) => {}
        }
        self.masker().value(messages);
    }

    /// Applies the policy to a name that state keeps until it is sent.
    pub fn apply_to_name(&self, name: &mut String) {
        self.masker().text(name);
    }

    /// Applies the policy to what stands on every span of a trace. The ids, and what the person configured by name (user,
    /// environment, release), stay as they are: they are what traces are found by.
    pub fn apply_to_context(&self, context: &mut Context) {
        let mut masker = self.masker();
        for text in context.tags.iter_mut().chain(&mut context.version) {
            masker.text(text);
        }
        for (name, text) in &mut context.metadata {
            if self.mask {
                masker.named_text(name, text);
            }
            masker.text(text);
        }
        if let Some(trial) = &mut context.experiment {
            self.apply_to_experiment(&mut trial.of);
        }
    }

    /// Applies the policy to what is told of an experiment.
    pub fn apply_to_experiment(&self, experiment: &mut Experiment) {
        let mut masker = self.masker();
        let texts = experiment.expected_output.iter_mut();
        for text in texts.chain([&mut experiment.name]) {
            masker.text(text);
        }
    }
}

/// A policy at work on one observation.
struct Masker<'a> {
    policy: &'a Policy,
    tally: Tally,
    clean: Clean,
}

impl Masker<'_> {
    fn observation(&mut self, observation: &mut Observation) {
        for content in [&mut observation.input, &mut observation.output].into_iter().flatten() {
            match content {
                Content::Text(text) => self.text(text),
                Content::Json(value) => self.value(value),
            }
        }
        observation.name.mask(|name| self.text(name));
        if let Some(status) = &mut observation.status {
            status.edit(|text| self.text(text));
        }
        for text in observation.model.iter_mut().chain(observation.metadata.values_mut()) {
            self.text(text);
        }
        self.fields(&mut observation.parameters);
        for value in observation.parameters.values_mut() {
            self.value(value);
        }
    }

    fn text(&mut self, text: &mut String) {
        if let Some(placeholder) = base64::of_data_url(text) {
            *text = placeholder;
        }
        if let Some(excerpt) = excerpt(text) {
            *text = self.excerpt(&excerpt);
        } else {
            self.mask(text);
            truncate::apply(text, self.policy.max_chars);
        }
    }

    /// A text of which only the ends were kept, in the form of one that is cut here. It was cut anywhere: what stands at that
    /// place is looked at for secrets that lie across the end of what leaves, and does not leave.
    fn excerpt(&mut self, excerpt: &Excerpt<'_>) -> String {
        let Excerpt { head, tail, characters } = excerpt;
        let cut = Cut::to(self.policy.max_chars, *characters);
        let head = self.part(head, 0..offset_of(head, cut.head));
        let tail_start = tail.chars().count().saturating_sub(cut.tail);
        let tail = self.part(tail, offset_of(tail, tail_start)..tail.len());
        cut.join(&head, &tail)
    }

    /// A part of a text without the secrets that are in it, or of which a part is in it.
    fn part(&mut self, text: &str, part: Range<usize>) -> String {
        let clean = if self.policy.mask {
            masked(text, part.clone(), &self.policy.patterns, &mut self.tally)
        } else {
            None
        };
        clean.unwrap_or_else(|| text.get(part).unwrap_or_default().to_owned())
    }

    /// Takes the secrets out of a text and leaves its length to others.
    fn mask(&mut self, text: &mut String) {
        if !self.policy.mask || self.clean.holds(text) {
            return;
        }
        match masked(text, 0..text.len(), &self.policy.patterns, &mut self.tally) {
            Some(masked) => *text = masked,
            None => self.clean.add(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Policy;

    fn applied(mut value: serde_json::Value, max_chars: usize) -> serde_json::Value {
        let policy = Policy::with_max_chars(max_chars);
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
    fn of_a_text_that_was_read_in_part_no_part_of_a_secret_leaves() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let spaced = |letter: &str| format!("{letter} ").repeat(4_000);
        // Whole ones everywhere, so that some lie across the places of the cut; and where it was read in part, halves.
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
