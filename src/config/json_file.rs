//! JSON files of settings, and the variables in their `env`.

use std::io::ErrorKind;
use std::path::Path;

use base::regular_file;
use serde_json::{Map, Value};
use transcript::replace_surrogates;

use super::source::{Problem, shown};
use super::variables;
use crate::user_file::duplicate_key;

/// The maximum size of a settings file. A link to a device has no end.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The content of a JSON file.
pub(super) enum Reading {
    Absent,
    Object(Map<String, Value>),
    Broken(String),
}

/// Reads a JSON file with an object. No object in it may have a key twice: one of the two values was not meant, and
/// which one is unknown.
pub(super) fn read_object(path: &Path) -> Reading {
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(reading) => return reading,
    };
    let text = match str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            return Reading::Broken(format!("could not read the file: invalid UTF-8 at byte {at}"));
        }
    };
    let reading = parse(text);
    if matches!(reading, Reading::Object(_))
        && let Some((key, line)) = duplicate_key(text)
    {
        let key = shown(&key);
        let problem = format!("could not parse the file: duplicate key {key:?} at line {line}");
        return Reading::Broken(problem);
    }
    reading
}

/// Reads a JSON file as Claude Code reads its own: UTF-16 is accepted, bad bytes and lone surrogates are replaced,
/// and an empty file is an empty object.
pub(super) fn read_object_tolerantly(path: &Path) -> Reading {
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(reading) => return reading,
    };
    let text = match bytes.strip_prefix(&[0xff, 0xfe]) {
        Some(utf16) => {
            let (units, _) = utf16.as_chunks::<2>();
            String::from_utf16_lossy(
                &units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<u16>>(),
            )
        }
        None => String::from_utf8_lossy(&bytes).into_owned(),
    };
    if text.trim().is_empty() {
        Reading::Object(Map::new())
    } else {
        parse(&replace_surrogates(&text))
    }
}

/// A link that leads nowhere is there: what it led to may have said anything.
fn read_bytes(path: &Path) -> Result<Vec<u8>, Reading> {
    regular_file::read(path, MAX_FILE_BYTES).map_err(|error| {
        let is_link = path.symlink_metadata().is_ok();
        match error.kind() {
            ErrorKind::NotFound if is_link => {
                Reading::Broken("could not read the file: broken link".to_owned())
            }
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reading::Absent,
            _ => Reading::Broken(format!("could not read the file: {error}")),
        }
    })
}

/// Parses any value, because only then do serde's messages never quote the file: it may hold keys.
fn parse(text: &str) -> Reading {
    match serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        Ok(Value::Object(object)) => Reading::Object(object),
        Ok(_) => Reading::Broken("could not parse the file: not a JSON object".to_owned()),
        Err(error) => Reading::Broken(format!("could not parse the file: {error}")),
    }
}

/// The variables of ours in an `env` object, by spelling.
pub(super) type Values = Vec<(&'static str, String)>;

pub(super) fn env_is_no_object(place: &str) -> Problem {
    let remedy = "use {\"env\": {\"NAME\": \"value\"}}";
    Problem::of_file(place, "\"env\" is not a JSON object", remedy)
}

/// Takes the variables of ours from an `env` object. Calls `unknown` with every other name.
pub(super) fn values_of(
    env: Value,
    place: &str,
    problems: &mut Vec<Problem>,
    mut unknown: impl FnMut(&mut Vec<Problem>, &str),
) -> Values {
    let Value::Object(env) = env else {
        problems.push(env_is_no_object(place));
        return Values::new();
    };
    let mut values = Values::with_capacity(env.len());
    for (name, value) in env {
        let Some((variable, spelling)) = variables::find(&name) else {
            unknown(problems, &name);
            continue;
        };
        match value {
            Value::String(text) => values.push((spelling, text)),
            Value::Bool(_) | Value::Number(_) => values.push((spelling, value.to_string())),
            // Without it a lower layer's consent would count. Its text is not `true`, and so it counts as false.
            _ if *variable == variables::ENABLED => values.push((spelling, value.to_string())),
            _ => {
                let remedy = format!("put {} in quotes", variable.accepts);
                problems.push(Problem::of_variable(&name, place, "is not a string", remedy));
            }
        }
    }
    values
}
