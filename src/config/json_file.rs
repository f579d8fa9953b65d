//! JSON files of settings, and the variables in their `env`.

use std::fmt;
use std::io;
use std::path::Path;

use base::regular_file;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use transcript::replace_surrogates;

use super::source::{Problem, shown};
use super::variables;

/// No file of settings is larger; a link to a device is.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// What a JSON file holds.
pub(super) enum Reading {
    Absent,
    Object(Map<String, Value>),
    Broken(String),
}

/// Reads a JSON file whose outermost value must be an object, and in which no object has a key twice: of two values one was
/// not meant, and it can't be known which.
pub(super) fn read_object(path: &Path) -> Reading {
    match read_bytes(path) {
        Ok(Some(bytes)) => match str::from_utf8(&bytes) {
            Ok(text) => parse(text, |text| serde_json::from_str(text).map(|Distinct(value)| value)),
            Err(error) => Reading::Broken(format!(
                "could not read the file: invalid UTF-8 at byte {}",
                error.valid_up_to()
            )),
        },
        Ok(None) => Reading::Absent,
        Err(error) => Reading::Broken(format!("could not read the file: {error}")),
    }
}

/// The same as Claude Code reads its own files: in UTF-16 too, bad bytes and lone surrogates replaced, and nothing at all
/// is an empty object.
pub(super) fn read_object_tolerantly(path: &Path) -> Reading {
    let bytes = match read_bytes(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Reading::Absent,
        Err(error) => return Reading::Broken(format!("could not read the file: {error}")),
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
    match text.trim().is_empty() {
        true => Reading::Object(Map::new()),
        false => parse(&replace_surrogates(&text), |text| serde_json::from_str(text)),
    }
}

/// `None` where there is no file. A link that leads nowhere is there: what it led to may have said anything.
fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match regular_file::read(path, MAX_FILE_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.symlink_metadata() {
            Ok(_) => Err(io::Error::new(io::ErrorKind::NotFound, "broken link")),
            Err(_) => Ok(None),
        },
        Err(error) => Err(error),
    }
}

/// `read` parses any value, because only then do serde's messages never quote the file: it may hold keys.
fn parse(text: &str, read: impl Fn(&str) -> serde_json::Result<Value>) -> Reading {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match read(text) {
        Ok(Value::Object(object)) => Reading::Object(object),
        Ok(_) => Reading::Broken("could not parse the file: not a JSON object".to_owned()),
        Err(error) => Reading::Broken(format!("could not parse the file: {error}")),
    }
}

/// A JSON value in which no object has a key twice.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor).map(Self)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Distinct(value)) = values.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Distinct(value))) = members.next_entry::<String, Distinct>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate key {:?}", shown(&key))));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// The variables of ours in an `env` object, by spelling.
pub(super) type Values = Vec<(&'static str, String)>;

pub(super) fn env_is_no_object(place: &str) -> Problem {
    let remedy = "use {\"env\": {\"NAME\": \"value\"}}";
    Problem::of_file(place, "\"env\" is not a JSON object", remedy)
}

/// Takes the variables of ours from an `env` object. `unknown` is told of every other name.
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
            // Without it a lower layer's consent would count. Its text is not true and so counts as false.
            _ if *variable == variables::ENABLED => values.push((spelling, value.to_string())),
            _ => {
                let remedy = format!("put {} in quotes", variable.accepts);
                problems.push(Problem::of_variable(&name, place, "is not a string", remedy));
            }
        }
    }
    values
}
