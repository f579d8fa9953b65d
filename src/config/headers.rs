//! Headers for every request: a server behind an identity proxy needs them. Their values are secrets.

use base::regular_file;
use serde_json::Value;

use super::env::Env;
use super::key_file::expand;
use super::secret::Secret;

/// The maximum size of a file of headers.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Headers that the program or HTTP sets itself.
const OWN: [&str; 8] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "transfer-encoding",
];

/// Reads a JSON object of strings. Errors quote nothing: any part of it may be a secret.
pub(super) fn parse(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err("is not a JSON object".to_owned());
    };
    members
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) if is_name(&name) && is_value(&value) => {
                Ok((name, Secret::new(value)))
            }
            _ => Err("has a name or a value that can't be sent as a header".to_owned()),
        })
        .collect()
}

/// The headers in the file named by `written`.
pub(super) fn read(written: &str, env: &Env) -> Result<Vec<(String, Secret)>, String> {
    let path = expand(written, env)?;
    if !path.is_absolute() {
        return Err("is not an absolute path".to_owned());
    }
    let text = regular_file::read_text(&path, MAX_FILE_BYTES).map_err(|error| error.to_string())?;
    parse(text.trim_start_matches('\u{feff}')).map_err(|what| format!("names a file that {what}"))
}

/// The names of the headers, the only part that may be shown.
pub(super) fn shown(text: &str) -> String {
    parse(text).map_or_else(|_| "…".to_owned(), |headers| names(&headers))
}

pub(super) fn names(headers: &[(String, Secret)]) -> String {
    let names: Vec<String> = headers.iter().map(|(name, _)| format!("{name}: …")).collect();
    names.join(", ")
}

fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    let is_ours = OWN.contains(&lower.as_str()) || lower.starts_with("x-langfuse-");
    !name.is_empty() && name.len() <= 100 && name.bytes().all(is_token) && !is_ours
}

fn is_value(value: &str) -> bool {
    let is_text = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    !value.is_empty() && value.trim() == value && value.bytes().all(is_text)
}

#[cfg(test)]
mod tests {
    use super::{parse, shown};

    #[test]
    fn headers_are_an_object_of_texts() {
        let read = parse(r#"{"CF-Access-Client-Id": "a.b", "X-Proxy": "Bearer hunter2"}"#).unwrap();
        let read: Vec<_> = read.iter().map(|(name, it)| (name.as_str(), it.expose())).collect();
        assert_eq!(read, [("CF-Access-Client-Id", "a.b"), ("X-Proxy", "Bearer hunter2")]);
    }

    #[test]
    fn names_and_values_of_others_are_refused_without_being_shown() {
        for wrong in [
            "hunter2",
            "[\"hunter2\"]",
            r#"{"X": 1}"#,
            r#"{"X": ""}"#,
            r#"{"X": " hunter2"}"#,
            r#"{"X": "a\r\nY: hunter2"}"#,
            r#"{"X Y": "hunter2"}"#,
            r#"{"": "hunter2"}"#,
            r#"{"Authorization": "hunter2"}"#,
            r#"{"content-LENGTH": "hunter2"}"#,
            r#"{"x-langfuse-sdk-name": "hunter2"}"#,
        ] {
            let error = parse(wrong).unwrap_err();
            assert!(!error.contains("hunter2") && shown(wrong) == "…", "{wrong}: {error}");
        }
        assert_eq!(shown(r#"{"X-Proxy": "hunter2"}"#), "X-Proxy: …");
    }
}
