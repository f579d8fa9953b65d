//! What must not or need not leave the machine is taken out here, after everything that leaves was made. Pure.

mod base64;
mod truncate;

use serde_json::Value;

use crate::config::{Capture, Config};
use crate::trace::{Content, Context, Observation};

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The longest text that is sent whole, in characters (`CC_LANGFUSE_MAX_CHARS`).
    pub max_chars: usize,
}

impl From<&Config> for Policy {
    fn from(config: &Config) -> Self {
        Self {
            max_chars: config.max_chars,
        }
    }
}

/// Why nothing may be sent: the person wants less to leave than this version can take out.
pub fn unmet_wish(config: &Config) -> Option<&'static str> {
    if config.capture != Capture::Full {
        return Some(
            "CC_LANGFUSE_CAPTURE asks for less than everything, which this version can't do: nothing is sent",
        );
    }
    config.mask_patterns.as_ref().map(
        |_| "CC_LANGFUSE_MASK_PATTERNS is set, which this version can't honour: nothing is sent",
    )
}

impl Policy {
    /// Applies the policy to everything in an observation that comes from the transcript.
    pub fn apply(&self, observation: &mut Observation) {
        for content in [&mut observation.input, &mut observation.output]
            .into_iter()
            .flatten()
        {
            match content {
                Content::Text(text) => self.text(text),
                Content::Json(value) => self.value(value),
            }
        }
        for text in observation
            .status_message
            .iter_mut()
            .chain(observation.metadata.values_mut())
        {
            self.text(text);
        }
        for value in observation.parameters.values_mut() {
            self.value(value);
        }
    }

    /// Applies the policy to what stands on every span of a trace.
    pub fn apply_to_context(&self, context: &mut Context) {
        for text in context.metadata.values_mut().chain(&mut context.tags) {
            self.text(text);
        }
    }

    fn text(&self, text: &mut String) {
        if let Some(placeholder) = base64::of_data_url(text) {
            *text = placeholder;
        }
        truncate::apply(text, self.max_chars);
    }

    /// Without recursion on what a model wrote: the reader lets at most 128 levels through, and each is one step here.
    fn value(&self, value: &mut Value) {
        let mut todo = vec![value];
        while let Some(value) = todo.pop() {
            match value {
                Value::String(text) => self.text(text),
                Value::Array(items) => todo.extend(items),
                Value::Object(fields) => {
                    base64::in_source(fields);
                    todo.extend(fields.values_mut());
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Policy;

    fn applied(mut value: serde_json::Value, max_chars: usize) -> serde_json::Value {
        Policy { max_chars }.value(&mut value);
        value
    }

    #[test]
    fn long_text_is_cut_at_every_depth_and_short_text_stays() {
        let long = "é".repeat(1000);
        let cut = applied(json!({"a": [{"b": long, "c": "short", "d": 1}]}), 100);
        let text = cut["a"][0]["b"].as_str().unwrap();
        assert!(text.contains("1000 characters"), "{text}");
        assert!(text.chars().count() <= 100);
        assert_eq!(cut["a"][0]["c"], "short");
        assert_eq!(cut["a"][0]["d"], 1);
    }

    #[test]
    fn base64_becomes_its_type_and_size_wherever_it_stands() {
        let source = json!({"type": "base64", "media_type": "image/png", "data": "AAECAw=="});
        let masked = applied(
            json!([{"source": source}, "data:image/gif;base64,AAAA"]),
            100,
        );
        assert_eq!(masked[0]["source"]["data"], "[base64: image/png, 4 bytes]");
        assert_eq!(masked[1], "[base64: image/gif, 3 bytes]");
    }
}
