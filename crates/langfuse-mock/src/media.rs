//! Media: `POST /api/public/media` gives the URL of an upload, which goes to a storage without keys; `PATCH
//! /api/public/media/{id}` says how it went.
//!
//! Read in langfuse/langfuse: `web/src/pages/api/public/media/index.ts` and `[mediaId].ts`, `web/src/features/media/validation.ts`,
//! `fern/apis/server/definition/media.yml`. The storage is here on the same port, below [`STORAGE`]: as S3 does, it takes only what was
//! signed, and nothing from who sends keys of his own.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api::{Answer, Headers};

const MEDIA: &str = "/api/public/media";
/// The path of uploads.
const STORAGE: &str = "/mock-storage/";
const TYPES: [&str; 7] = [
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/webp",
    "image/gif",
    "application/pdf",
    "text/plain",
];

/// One medium.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Medium {
    /// Its type.
    pub content_type: String,
    /// Its bytes, once uploaded.
    pub bytes: Vec<u8>,
    /// The status of the upload, as the client said.
    pub status: Option<u64>,
    /// Traces, observations and fields that have it.
    pub places: BTreeSet<(String, String, String)>,
    sha256: String,
    length: u64,
}

/// The table, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct MediaTable(pub(super) BTreeMap<String, Medium>);

/// Whether a path is about media.
pub(super) fn is_of_media(path: &str) -> bool {
    path == MEDIA || path.starts_with("/api/public/media/") || is_of_storage(path)
}

/// Whether a path is of the storage, which knows no keys.
pub(super) fn is_of_storage(path: &str) -> bool {
    path.starts_with(STORAGE)
}

impl MediaTable {
    /// A request about media, after authorization.
    pub(super) fn handle(
        &mut self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: &[u8],
    ) -> Answer {
        if let Some(id) = path.strip_prefix(STORAGE) {
            return self.store(method, id, headers, body);
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, path.strip_prefix("/api/public/media/")) {
            ("POST", None) => self.register(&body, headers.get("host").unwrap_or_default()),
            ("PATCH", Some(id)) => self.note_upload(id, &body),
            _ => Answer::json(405, &json!({"message": "Method not allowed"})),
        }
    }

    /// Removes a trace, with all media that no other trace has.
    pub(super) fn forget_trace(&mut self, trace: &str) {
        for medium in self.0.values_mut() {
            medium.places.retain(|(of, ..)| of != trace);
        }
        self.0.retain(|_, medium| !medium.places.is_empty());
    }

    fn register(&mut self, body: &Value, host: &str) -> Answer {
        let text = |field: &str| body[field].as_str();
        let sha256 = text("sha256Hash").filter(|hash| hash.len() == 44);
        let length = body["contentLength"].as_u64().filter(|length| *length > 0);
        let content_type = text("contentType").filter(|kind| TYPES.contains(kind));
        let field = text("field").filter(|field| ["input", "output", "metadata"].contains(field));
        let (Some(sha256), Some(length), Some(content_type), Some(field), Some(trace)) =
            (sha256, length, content_type, field, text("traceId"))
        else {
            return Answer::json(400, &json!({"message": "Invalid request data", "error": []}));
        };
        let id: String = sha256.replace('+', "-").replace('/', "_").chars().take(22).collect();
        let medium = self.0.entry(id.clone()).or_default();
        let observation = text("observationId").unwrap_or_default();
        medium.places.insert((trace.to_owned(), observation.to_owned(), field.to_owned()));
        if medium.status == Some(200) && medium.content_type == content_type {
            return Answer::json(201, &json!({"mediaId": id, "uploadUrl": null}));
        }
        (medium.sha256, medium.length) = (sha256.to_owned(), length);
        content_type.clone_into(&mut medium.content_type);
        let url = format!("http://{host}{STORAGE}{id}?X-Amz-Signature=very-secret-signature");
        Answer::json(201, &json!({"mediaId": id, "uploadUrl": url}))
    }

    /// A PUT to the storage, which must match its signature.
    fn store(&mut self, method: &str, id: &str, headers: Headers<'_>, body: &[u8]) -> Answer {
        let refused = || Answer::new(403, "application/xml", b"<Error/>".to_vec());
        let Some(medium) = self.0.get_mut(id).filter(|_| method == "PUT") else {
            return refused();
        };
        let hash = STANDARD.encode(Sha256::digest(body));
        let is_signed = hash == medium.sha256
            && headers.get("x-amz-checksum-sha256") == Some(&*hash)
            && headers.get("content-type") == Some(&*medium.content_type)
            && headers.get("authorization").is_none()
            && body.len() as u64 == medium.length;
        if !is_signed {
            return refused();
        }
        medium.bytes = body.to_vec();
        Answer::new(200, "application/xml", Vec::new())
    }

    fn note_upload(&mut self, id: &str, body: &Value) -> Answer {
        let (Some(medium), Some(status), true) =
            (self.0.get_mut(id), body["uploadHttpStatus"].as_u64(), body["uploadedAt"].is_string())
        else {
            return Answer::json(404, &json!({"message": "Media asset not found in project"}));
        };
        medium.status = Some(status);
        // The route answers without a body.
        Answer::new(200, "application/json", Vec::new())
    }
}
