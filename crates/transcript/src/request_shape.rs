//! The part of a request before its messages: the system prompt and the tools (`api-request-shape`, 2.1.330 and
//! later). Requests name it by hash, and a session writes it once.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::lines::Lines;
use super::scan::{self, Words};

const ROW_TYPE: &[u8] = b"api-request-shape";

/// System prompt and tools, as sent to the model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RequestShape {
    /// Blocks, or one text.
    pub system: Value,
    /// Definitions, in their order.
    pub tools: Vec<Value>,
}

impl RequestShape {
    /// The texts of the system prompt, one per block.
    pub fn system_texts(&self) -> Vec<&str> {
        match &self.system {
            Value::String(text) => vec![text],
            Value::Array(blocks) => {
                blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    shape_hash: String,
    shape: RequestShape,
}

/// The shape with this hash in a transcript.
///
/// # Errors
/// If the file can't be read.
pub fn request_shape(transcript: &Path, hash: &str) -> Result<Option<RequestShape>> {
    let words = Words::new([hash]);
    let mut lines = Lines::open(transcript, 0)?;
    lines.only = Some(ROW_TYPE);
    while let Some(line) = lines.next_line()? {
        if scan::leading_type(&line.bytes) != Some(ROW_TYPE) || !words.are_in(&line.bytes) {
            continue;
        }
        let row = super::json_text::of_line(line.bytes);
        match serde_json::from_str::<Row>(&row) {
            Ok(row) if row.shape_hash == hash => return Ok(Some(row.shape)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::request_shape;

    #[test]
    fn a_shape_is_found_by_its_hash_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let shape = |hash: &str, text: &str| {
            format!(
                r#"{{"type":"api-request-shape","shapeHash":"{hash}","shape":{{"system":[{{"type":"text","text":"{text}"}}],"tools":[{{"name":"Bash"}}]}}}}"#
            )
        };
        let rows = [
            shape("aa", "quotes bb"),
            r#"{"type":"user","message":{"content":"bb"}}"#.to_owned(),
            shape("bb", "second"),
            r#"{"type":"api-request-shape","shapeHash":"cc","shape":"#.to_owned(),
        ];
        fs::write(&path, rows.join("\n")).unwrap();
        let texts = |hash: &str| {
            let found = request_shape(&path, hash).unwrap();
            found.map(|found| found.system_texts().join("|"))
        };
        assert_eq!(texts("bb").as_deref(), Some("second"));
        assert_eq!((texts("cc"), texts("dd")), (None, None));
    }
}
