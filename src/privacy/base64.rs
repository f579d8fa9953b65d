//! Base64 becomes a placeholder with type and size: Langfuse would store the bytes in the row, unreadable.

use serde_json::{Map, Value};
use transcript::decoded_size;

/// The placeholder of a `data:<type>;base64,` URL.
pub(super) fn of_data_url(text: &str) -> Option<String> {
    let (media_type, data) = text.strip_prefix("data:")?.split_once(";base64,")?;
    Some(placeholder(media_type, data))
}

/// Replaces the data of an Anthropic source, `{"type": "base64", "media_type": …, "data": …}`.
pub(super) fn in_source(fields: &mut Map<String, Value>) {
    if fields.get("type").and_then(Value::as_str) != Some("base64") {
        return;
    }
    let media_type =
        fields.get("media_type").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    if let Some(Value::String(data)) = fields.get_mut("data") {
        *data = placeholder(&media_type, data);
    }
}

fn placeholder(media_type: &str, data: &str) -> String {
    format!("[base64: {media_type}, {} bytes]", decoded_size(data))
}
