//! Scores from the transcript beside the stored ones.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::langfuse::StoredScore;
use crate::score::Value;

/// What became of the scores of a session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ScoreCounts {
    pub expected: usize,
    pub missing: usize,
    pub mismatched: usize,
}

/// The scores that a session should have, by id.
#[derive(Default)]
pub(super) struct ExpectedScores(BTreeMap<String, ExpectedScore>);

struct ExpectedScore {
    trace: String,
    value: Option<f64>,
    /// `None` while it was not found.
    stored: Option<Option<f64>>,
}

impl ExpectedScores {
    /// Takes the scores of a request, if it is one of scores.
    pub(super) fn take(&mut self, request: &str) {
        let request: Json = serde_json::from_str(request).unwrap_or_default();
        for event in request.get("batch").and_then(Json::as_array).into_iter().flatten() {
            let text = |key: &str| event.pointer(&format!("/body/{key}"))?.as_str();
            let (Some(id), Some(trace)) = (text("id"), text("traceId")) else {
                continue;
            };
            let value = event.pointer("/body/value").and_then(Json::as_f64);
            let score = ExpectedScore { trace: trace.to_owned(), value, stored: None };
            self.0.insert(id.to_owned(), score);
        }
    }

    /// Forgets the scores of traces that are not stored, or not as they are now.
    pub(super) fn keep_of(&mut self, is_stored: impl Fn(&str) -> bool) {
        self.0.retain(|_, score| is_stored(&score.trace));
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn add_stored(&mut self, stored: &StoredScore) {
        if let Some(score) = self.0.get_mut(&stored.id) {
            score.stored = Some(match stored.value {
                Value::Numeric(number) => Some(number),
                Value::Boolean(yes) => Some(f64::from(u8::from(yes))),
                _ => None,
            });
        }
    }

    pub(super) fn counts(&self) -> ScoreCounts {
        let mut counts = ScoreCounts { expected: self.0.len(), ..ScoreCounts::default() };
        for score in self.0.values() {
            match score.stored {
                None => counts.missing += 1,
                Some(value) if value != score.value => counts.mismatched += 1,
                Some(_) => {}
            }
        }
        counts
    }
}
