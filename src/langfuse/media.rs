//! Uploads images and documents by the media API. Langfuse answers with a URL on another host. That upload gets no
//! key of ours, follows no redirect, and is encrypted if Langfuse itself is.

use std::time::Instant;

use base::Timestamp;
use serde_json::{Value, json};

use super::{Body, Client, Deadline, Verdict};
use crate::state::PendingMedia;

const MEDIA: &str = "/api/public/media";

impl Client {
    /// Uploads one medium, unless Langfuse has it.
    ///
    /// # Errors
    /// The verdict of the failed request.
    pub fn upload_media(
        &mut self,
        media: &PendingMedia,
        bytes: &[u8],
        deadline: Deadline,
    ) -> Result<(), Verdict> {
        let body = json!({
            "traceId": media.trace, "observationId": media.span, "field": media.field,
            "contentType": media.content_type, "contentLength": bytes.len(), "sha256Hash": media.sha256,
        });
        let body = Body::plain(body.to_string().as_bytes());
        let answer = self.post(MEDIA, &body, deadline)?;
        let answer = answer.ok_or_else(|| self.without_endpoint("for media"))?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let Some(url) = answer.get("uploadUrl").and_then(Value::as_str) else {
            return Ok(());
        };
        let id = answer.get("mediaId").and_then(Value::as_str).unwrap_or_default();
        let began = Instant::now();
        let headers = [
            ("Content-Type", media.content_type.as_str()),
            ("x-amz-checksum-sha256", &media.sha256),
            ("x-ms-blob-type", "BlockBlob"),
        ];
        // Google's storage accepts only signed headers.
        let is_google = url.contains("storage.googleapis.com/");
        let headers = if is_google { &headers[..1] } else { &headers[..] };
        let status = self.put_elsewhere(url, headers, bytes, deadline)?;
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let error = (status != 200).then(|| format!("the storage answered {status}"));
        let note = json!({
            "uploadedAt": Timestamp::now().rfc3339(), "uploadHttpStatus": status,
            "uploadHttpError": error, "uploadTimeMs": took,
        });
        let path = format!("{MEDIA}/{id}");
        self.patch(&path, &Body::plain(note.to_string().as_bytes()), deadline)?;
        match (status, error) {
            (400..=407 | 409..=428 | 430..=499, Some(reason)) => Err(Verdict::Refused { reason }),
            (_, Some(reason)) => Err(Verdict::later(reason)),
            (_, None) => Ok(()),
        }
    }
}
