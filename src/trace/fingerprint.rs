//! Detects whether an observation changed since it was acknowledged. The digest is taken before masking, truncation and the
//! attributes of the configuration, so that a change of these resends nothing.

use serde_json::Value;
use transcript::characters;

use super::{Content, Digest, MetadataKey, Observation, Status, digest, hash};

/// A longer text counts by its length and this many bytes of both ends: `CC_LANGFUSE_MAX_CHARS` decides how much of
/// the middle was read.
const SIDE_BYTES: usize = 32 * 1024;

/// Metadata from the configuration.
const CONFIGURED: MetadataKey = MetadataKey::ParentTraceId;

impl Observation {
    /// A digest of the content. Ids, parent and start never change and are left out.
    pub fn fingerprint(&self) -> Digest {
        let mut seen = Seen::default();
        seen.text(self.name.as_str());
        seen.text(self.kind.as_str());
        seen.text(self.level.as_str());
        seen.number(self.end.as_millis());
        seen.number(self.completion_start.map_or(0, |at| at.as_millis()));
        seen.optional(self.status.as_ref().map(Status::text).as_deref());
        seen.optional(self.model.as_deref());
        seen.content(self.input.as_ref());
        seen.content(self.output.as_ref());
        for (name, value) in &self.parameters {
            seen.text(name);
            seen.value(value);
        }
        for (name, count) in &self.usage {
            seen.text(name);
            seen.number(*count);
        }
        for (key, text) in self.metadata.iter().filter(|(key, _)| **key != CONFIGURED) {
            seen.text(key.name());
            seen.text(text);
        }
        digest(&seen.hashes)
    }
}

#[derive(Default)]
struct Seen {
    hashes: Vec<u8>,
}

impl Seen {
    fn number(&mut self, number: u64) {
        self.hashes.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        if text.len() <= 4 * SIDE_BYTES {
            return self.number(hash(text.as_bytes()));
        }
        let bytes = text.as_bytes();
        self.number(characters(text) as u64);
        let sides = [bytes.first_chunk::<SIDE_BYTES>(), bytes.last_chunk::<SIDE_BYTES>()];
        for side in sides.into_iter().flatten() {
            self.number(hash(side));
        }
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn content(&mut self, content: Option<&Content>) {
        match content {
            None => self.number(0),
            Some(Content::Text(text)) => {
                self.number(1);
                self.text(text);
            }
            Some(Content::Json(value)) => {
                self.number(2);
                self.value(value);
            }
            Some(Content::Placeholder(placeholder)) => {
                self.number(4);
                self.text(&placeholder.text());
            }
        }
    }

    /// Recursive: the reader limits the depth of values.
    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.number(3);
                self.text(text);
            }
            Value::Array(items) => {
                self.number(items.len() as u64);
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(fields) => {
                self.number(fields.len() as u64);
                for (name, field) in fields {
                    self.text(name);
                    self.value(field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.text(&value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use crate::trace::{
        Content, Level, MetadataKey, Observation, SpanId, SpanName, Status, TraceId,
    };

    fn observed() -> Observation {
        let (trace, span) = (TraceId::of_seed("t"), SpanId::given("s"));
        let mut observation =
            Observation::new(SpanName::CHAT, &trace, span, None, Timestamp::from_millis(1));
        observation.input = Some(Content::Json(json!([{"a": 1}, "text", null])));
        observation.output = Some(Content::Text("answer".to_owned()));
        observation.note(MetadataKey::Masked, Some("x"));
        observation
    }

    #[test]
    fn changes_with_everything_that_the_transcript_says() {
        let before = observed().fingerprint();
        assert_eq!(observed().fingerprint(), before);
        let changes: [fn(&mut Observation); 7] = [
            |it| it.end = Timestamp::from_millis(2),
            |it| it.level = Level::Warning,
            |it| it.status = Some(Status::quoting("")),
            |it| it.output = Some(Content::Text("answer.".to_owned())),
            |it| it.output = None,
            |it| it.input = Some(Content::Json(json!([{"a": 1}, "text"]))),
            |it| it.note(MetadataKey::AgentOutcome, Some("killed")),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = observed();
            change(&mut changed);
            assert_ne!(changed.fingerprint(), before, "{number}");
        }
    }

    #[test]
    fn does_not_change_with_the_configuration() {
        let before = observed().fingerprint();
        let mut configured = observed();
        configured.trace_id = TraceId::of_seed("seed:1");
        configured.parent = Some(SpanId::given("foreign"));
        configured.note(MetadataKey::ParentTraceId, Some("foreign"));
        assert_eq!(configured.fingerprint(), before);
    }
}
