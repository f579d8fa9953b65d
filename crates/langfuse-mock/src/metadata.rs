//! The metadata of a row: the sender's for observation and trace, and the server's additions, flattened to dotted
//! names.

use serde_json::{Map, Value};

use super::javascript::{indexed, parse, stringify, truthy};

/// The metadata of one domain, `observation` or `trace`: the JSON object first, then the keys with the prefix.
pub(crate) fn of_domain(attributes: &Map<String, Value>, domain: &str) -> Map<String, Value> {
    let own = format!("langfuse.{domain}.metadata");
    let whole = attributes
        .get(&own)
        .filter(|value| truthy(value))
        .or_else(|| attributes.get("langfuse.metadata"));
    let mut metadata = whole.map(object).unwrap_or_default();
    let prefixes =
        [format!("{own}."), "langfuse.metadata.".to_owned(), "ai.telemetry.metadata.".to_owned()];
    for (key, value) in attributes {
        for prefix in &prefixes {
            let name = key.strip_prefix(prefix).unwrap_or_default();
            if !name.is_empty() && name != "__proto__" && !AI_SDK_OWN.contains(&key.as_str()) {
                metadata.insert(name.to_owned(), value.clone());
            }
        }
    }
    metadata
}

/// Keys that the Vercel AI SDK uses for user, session, tags and prompt.
const AI_SDK_OWN: [&str; 4] = [
    "ai.telemetry.metadata.userId",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.tags",
    "ai.telemetry.metadata.langfusePrompt",
];

/// The value of the unprefixed attribute: an object, or a list by its indexes; anything else is dropped.
fn object(value: &Value) -> Map<String, Value> {
    match value {
        Value::String(text) => {
            parse(text).filter(|value| !value.is_string()).as_ref().map(object).unwrap_or_default()
        }
        Value::Object(members) => members.clone(),
        Value::Array(values) => {
            indexed(values).map(|(index, value)| (index, value.clone())).collect()
        }
        _ => Map::new(),
    }
}

/// Names and values as the table has them: nested objects by dotted names, everything as text. A name can occur twice.
pub(crate) fn flatten(metadata: &Map<String, Value>) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    flatten_into(metadata, "", &mut flat);
    flat
}

fn flatten_into(members: &Map<String, Value>, path: &str, flat: &mut Vec<(String, String)>) {
    for (key, value) in members {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Object(members) => flatten_into(members, &name, flat),
            Value::Null => flat.push((name, String::new())),
            Value::String(text) => flat.push((name, text.clone())),
            other => flat.push((name, stringify(other))),
        }
    }
}
