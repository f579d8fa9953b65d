//! System prompts and tool definitions of requests. They are in rows of their own, which requests name by hash. They
//! are read only if the policy wants them, because the row may be anywhere before the request.

use std::collections::BTreeMap;
use std::path::Path;

use transcript::{RequestShape, request_shape};

use crate::config::{Capture, RequestCapture};
use crate::privacy::Policy;
use crate::trace::{Observation, RequestContent};

#[derive(Default)]
pub(super) struct RequestShapes {
    /// The content found in a file, by hash.
    known: BTreeMap<String, Option<RequestShape>>,
}

impl RequestShapes {
    /// The part of the request that the policy allows for an observation.
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
