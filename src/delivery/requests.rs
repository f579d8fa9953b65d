//! System prompts and tools of requests, which stand in rows of their own that requests name by a hash. They are looked up
//! only where they are wanted: the row may be anywhere before the request.

use std::collections::BTreeMap;
use std::path::Path;

use transcript::{RequestShape, request_shape};

use crate::config::{Capture, RequestCapture};
use crate::privacy::Policy;
use crate::trace::{Observation, RequestContent};

#[derive(Default)]
pub(super) struct Requests {
    /// What was found in a file, by hash.
    known: BTreeMap<String, Option<RequestShape>>,
}

impl Requests {
    /// What of the request goes with an observation under a policy.
    pub(super) fn content(
        &mut self,
        observation: &Observation,
        file: &Path,
        policy: &Policy,
    ) -> Option<RequestContent> {
        let hash = observation.shape.as_ref()?;
        let content = match (policy.request, policy.capture) {
            (RequestCapture::Off, _) => return None,
            (RequestCapture::Full, Capture::Full) => RequestContent::full,
            (RequestCapture::Full | RequestCapture::Tools, _) => RequestContent::names,
        };
        let shape = self.known.entry(hash.clone()).or_insert_with(|| {
            request_shape(file, hash).inspect_err(|error| log::warn!("{error:#}")).ok().flatten()
        });
        shape.as_ref().map(content)
    }
}
