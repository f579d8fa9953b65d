//! The fields of an observation that are compared, beside its place and its tokens.

use serde_json::Value;

use crate::langfuse::{Span, Stored};
use crate::trace::{Digest, digest};

/// The fields in the transcript or in a stored version. A field that the server's API lacks is `None` and equal to
/// any value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fields {
    /// Empty for a root.
    parent: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    level: Option<String>,
    model: Option<String>,
    /// Sorted.
    tags: Option<Vec<String>>,
    /// Outputs of a whole session are too large to be kept.
    pub output: Option<Digest>,
}

impl Fields {
    pub(super) fn of_span(span: &Span) -> Self {
        let observation = |key: &str| span.attribute(&format!("langfuse.observation.{key}"));
        let text = |value: Option<&str>| Some(value.unwrap_or_default().to_owned());
        Self {
            parent: text(span.parent()),
            kind: text(observation("type")).map(|kind| kind.to_uppercase()),
            name: text(Some(span.name())),
            level: Some(observation("level").unwrap_or("DEFAULT").to_owned()),
            model: text(observation("model.name")),
            tags: Some(sorted(span.list("langfuse.trace.tags"))),
            output: Some(digest_of(&Value::from(observation("output").unwrap_or_default()))),
        }
    }

    pub(super) fn of_stored(stored: &Stored) -> Self {
        // In `dual` mode Langfuse puts a root of its own above the sender's.
        let made_up = format!("t-{}", stored.trace_id);
        let parent = stored.parent.clone().filter(|parent| *parent != made_up);
        Self {
            parent: Some(parent.unwrap_or_default()),
            kind: stored.kind.clone(),
            name: stored.name.clone(),
            level: stored.level.clone(),
            model: Some(stored.model.clone().unwrap_or_default()),
            tags: stored.tags.clone().map(sorted),
            output: stored.output.as_ref().map(digest_of),
        }
    }

    /// The names of the fields in which a stored version differs.
    pub(super) fn differing(&self, stored: &Self) -> Vec<&'static str> {
        fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_some_and(|(one, other)| one != other)
        }
        let all = [
            ("parent", differ(self.parent.as_ref(), stored.parent.as_ref())),
            ("type", differ(self.kind.as_ref(), stored.kind.as_ref())),
            ("name", differ(self.name.as_ref(), stored.name.as_ref())),
            ("level", differ(self.level.as_ref(), stored.level.as_ref())),
            ("model", differ(self.model.as_ref(), stored.model.as_ref())),
            ("tags", differ(self.tags.as_ref(), stored.tags.as_ref())),
            ("output", differ(self.output.as_ref(), stored.output.as_ref())),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

fn sorted(mut tags: Vec<String>) -> Vec<String> {
    tags.sort_unstable();
    tags
}

/// The same digest for JSON text and for the JSON that an API makes of it, in any order of names and form of numbers.
fn digest_of(value: &Value) -> Digest {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    let parsed = parsed.filter(|value: &Value| value.is_object() || value.is_array());
    let mut text = String::new();
    write_canonical(parsed.as_ref().unwrap_or(value), &mut text);
    digest(text.as_bytes())
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_unstable();
            for name in names {
                text.push_str(&format!("{}{name:?}:", '{'));
                write_canonical(fields.get(name).unwrap_or(&Value::Null), text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Number(number) => text.push_str(&number.as_f64().unwrap_or_default().to_string()),
        Value::String(words) => text.push_str(&format!("{words:?}")),
        Value::Null | Value::Bool(_) => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::digest_of;

    #[test]
    fn json_text_is_equal_to_its_json() {
        let text = json!(r#"{"b": 1.0, "a": ["x", null]}"#);
        assert_eq!(digest_of(&text), digest_of(&json!({"a": ["x", null], "b": 1})));
        assert_ne!(digest_of(&text), digest_of(&json!({"a": ["x"], "b": 1})));
        assert_ne!(digest_of(&json!("1")), digest_of(&json!("1.0")));
    }
}
