//! The bytes of images and documents in base64: their hash, which names them, and their place.

use std::path::Path;

use anyhow::Result;
use base::sha256::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::lines::Lines;

/// Larger media are not uploaded.
pub const MAX_MEDIA_BYTES: usize = 20 * 1024 * 1024;

/// The types that Langfuse accepts.
const TYPES: [&str; 6] =
    ["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp", "application/pdf"];

/// The place of a medium's bytes.
#[derive(Clone, Debug, Eq)]
pub struct MediaSource {
    /// The hash of the bytes, in base64.
    pub sha256: String,
    /// The offset of its row in its file.
    pub row: u64,
}

/// Equal by bytes alone: a row may be written twice.
impl PartialEq for MediaSource {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl MediaSource {
    pub(crate) fn of(media_type: &str, data: &str, row: u64) -> Option<Self> {
        let bytes = TYPES.contains(&media_type).then(|| decoded(data)).flatten()?;
        Some(Self { sha256: BASE64_STANDARD.encode(digest(&bytes)), row })
    }

    /// Langfuse's id for the hash.
    pub fn id(&self) -> String {
        let id: String = self.sha256.chars().take(22).collect();
        id.replace('+', "-").replace('/', "_")
    }
}

fn decoded(data: &str) -> Option<Vec<u8>> {
    let is_small = data.len() / 4 * 3 <= MAX_MEDIA_BYTES;
    is_small.then(|| BASE64_STANDARD.decode(data.trim()).ok()).flatten().filter(|it| !it.is_empty())
}

/// The bytes with this hash in the row at `row`; `None` if they are gone.
///
/// # Errors
/// If the file can't be read.
pub fn media_bytes(transcript: &Path, row: u64, sha256: &str) -> Result<Option<Vec<u8>>> {
    let mut lines = Lines::open(transcript, row)?;
    let Some(line) = lines.next_line()? else {
        return Ok(None);
    };
    let text = super::json_text::of_line(line.bytes);
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut todo = vec![&value];
    while let Some(value) = todo.pop() {
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => {
                let data = fields.get("data").and_then(Value::as_str);
                let bytes = data.filter(|_| is_base64(fields.get("type"))).and_then(decoded);
                let is_wanted = |bytes: &Vec<u8>| BASE64_STANDARD.encode(digest(bytes)) == sha256;
                if let Some(bytes) = bytes.filter(is_wanted) {
                    return Ok(Some(bytes));
                }
                todo.extend(fields.values());
            }
            _ => {}
        }
    }
    Ok(None)
}

fn is_base64(kind: Option<&Value>) -> bool {
    kind.and_then(Value::as_str) == Some("base64")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{MAX_MEDIA_BYTES, MediaSource, media_bytes};

    #[test]
    fn an_id_is_the_one_that_langfuse_makes_of_the_hash() {
        // printf hello | openssl dgst -sha256 -binary | base64
        let source = MediaSource::of("image/png", "aGVsbG8=", 7).unwrap();
        assert_eq!(source.sha256, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        assert_eq!(source.id(), "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="[..22]);
    }

    #[test]
    fn skips_other_types_and_invalid_bytes() {
        for (media_type, data) in
            [("image/tiff", "aGVsbG8="), ("image/png", "!"), ("image/png", "")]
        {
            assert_eq!(MediaSource::of(media_type, data, 0), None, "{media_type} {data}");
        }
        let large = "A".repeat((MAX_MEDIA_BYTES / 3 + 2) * 4);
        assert_eq!(MediaSource::of("image/png", &large, 0), None);
    }

    #[test]
    fn bytes_are_found_in_their_row_by_their_hash_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let source = |data: &str| {
            format!(
                r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#
            )
        };
        let first = "{\"type\":\"user\"}\n";
        let row = format!(
            r#"{{"type":"user","message":{{"content":[{},{}]}}}}"#,
            source("YQ=="),
            source("Yg==")
        );
        fs::write(&path, format!("{first}{row}\n")).unwrap();
        let at = first.len() as u64;
        let wanted = MediaSource::of("image/png", "Yg==", at).unwrap();
        let found = |row| media_bytes(&path, row, &wanted.sha256).unwrap();
        assert_eq!(found(at).as_deref(), Some(&b"b"[..]));
        assert_eq!((found(0), found(10_000)), (None, None));
    }
}
