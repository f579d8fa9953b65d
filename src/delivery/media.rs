//! Uploads images and documents after the spans that name them, within the remaining time. The next run retries a
//! failed upload and finds the bytes in the transcript.

use transcript::media_bytes;

use super::exporter::Exporter;
use crate::config::Capture;
use crate::langfuse::{Problem, Verdict};
use crate::privacy::Policy;
use crate::state::PendingMedia;
use crate::trace::Observation;

/// An upload is given up after this many runs.
const MAX_FAILURES: u8 = 10;

impl Exporter<'_> {
    /// Lets an observation name its images and documents if the policy allows it, and queues their uploads.
    pub(super) fn name_media(&mut self, observation: &mut Observation, policy: &Policy) {
        let Some(with_media) = observation.with_media.take() else {
            return;
        };
        if !policy.media || policy.capture != Capture::Full || policy.problem().is_some() {
            return;
        }
        for (field, source, content_type) in with_media.media {
            let pending = PendingMedia {
                file: self.file.clone(),
                row: source.row,
                sha256: source.sha256.clone(),
                content_type,
                trace: observation.trace_id.as_str().to_owned(),
                span: observation.span_id.as_str().to_owned(),
                field: field.to_owned(),
                failures: 0,
            };
            let key = format!("{}/{}/{field}", source.id(), pending.span);
            self.ledger.cursor.media.insert(key, pending);
            self.ledger.is_unsaved = true;
        }
        let (input, output) = (with_media.input, with_media.output);
        observation.input = input.or(observation.input.take());
        observation.output = output.or(observation.output.take());
    }

    /// Uploads the queued images and documents until one fails.
    pub(super) fn upload_media(&mut self) {
        let waiting: Vec<String> = self.ledger.cursor.media.keys().cloned().collect();
        for key in waiting {
            if self.uploader.is_stopped() {
                break;
            }
            let Some(media) = self.ledger.cursor.media.get(&key).cloned() else {
                continue;
            };
            let is_over = match self.upload(&media) {
                Ok(()) => false,
                Err(Verdict::Refused { reason } | Verdict::TooLarge { reason, .. }) => {
                    log::warn!("a medium of trace {} is left out: {reason}", media.trace);
                    false
                }
                Err(verdict) => {
                    let reason = verdict.reason().unwrap_or_default();
                    log::warn!("a medium of trace {} is tried again later: {reason}", media.trace);
                    let media = self.ledger.cursor.media.get_mut(&key);
                    let failures = media.map_or(MAX_FAILURES, |media| {
                        media.failures = media.failures.saturating_add(1);
                        media.failures
                    });
                    if failures < MAX_FAILURES {
                        self.ledger.save();
                        break;
                    }
                    true
                }
            };
            self.ledger.cursor.media.remove(&key);
            self.ledger.save();
            if is_over {
                break;
            }
        }
        self.uploader.note_media_left(self.ledger.cursor.media.len());
    }

    fn upload(&mut self, media: &PendingMedia) -> Result<(), Verdict> {
        let refused = |reason: String| Verdict::Refused { reason };
        let bytes = media_bytes(&media.file, media.row, &media.sha256)
            .map_err(|error| refused(format!("{error:#}")))?
            .ok_or_else(|| refused("it is not in the transcript any more".to_owned()))?;
        match self.uploader.upload_media(media, &bytes) {
            // An older server has no endpoint for media.
            Err(Verdict::Misconfigured { problem: Problem::Url, reason }) => Err(refused(reason)),
            result => result,
        }
    }
}
