//! The privacy settings of a turn when a hook first saw it. They hold for that turn whichever process sends it later.

use serde::{Deserialize, Serialize};

use super::ids::Digest;
use crate::config::{Capture, RequestCapture};

/// Limits for the content of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    pub capture: Capture,
    /// Images and documents are uploaded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub media: bool,
    /// The part of a request that leaves beside its messages.
    #[serde(default, skip_serializing_if = "is_off")]
    pub request: RequestCapture,
    /// Secrets are not masked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmasked: bool,
    /// A digest of each of the user's own mask patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masks: Vec<Digest>,
    /// A digest of each of the user's own allow patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<Digest>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_off(request: &RequestCapture) -> bool {
    *request == RequestCapture::Off
}

impl Agreement {
    /// Whether a sender with the patterns of `other` can keep this: no mask pattern is missing and no allow pattern is new.
    pub fn is_met_by(&self, other: &Self) -> bool {
        self.masks.iter().all(|mask| other.masks.contains(mask))
            && other.allows.iter().all(|allow| self.allows.contains(allow))
    }
}
