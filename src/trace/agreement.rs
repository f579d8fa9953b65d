//! What was agreed about the content of a turn when a hook first met it. It holds for that turn whoever sends it later.

use serde::{Deserialize, Serialize};

use super::ids::Digest;
use crate::config::Capture;

/// How much of a turn may leave, and what has to be masked in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// The capture mode.
    pub capture: Capture,
    /// Secrets are not masked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmasked: bool,
    /// A digest of each of the person's own mask patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<Digest>,
    /// A digest of each of the person's own allow patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<Digest>,
}

impl Agreement {
    /// Whether someone with the patterns of `other` can keep this: every mask pattern is there and no allow pattern is new.
    pub fn is_met_by(&self, other: &Self) -> bool {
        self.masks.iter().all(|mask| other.masks.contains(mask))
            && other.allows.iter().all(|allow| self.allows.contains(allow))
    }
}
