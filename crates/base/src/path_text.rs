//! Paths in JSON files: as text, or as hex bytes if a path is not UTF-8, so that it can be found again.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes { bytes: String },
}

/// Writes a path.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match path.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => Written::Bytes { bytes: hex(path.as_os_str().as_bytes()) }.serialize(serializer),
    }
}

/// Reads a path.
///
/// # Errors
/// If it is neither a text nor hex bytes.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let hex = match Written::deserialize(deserializer)? {
        Written::Text(text) => return Ok(text.into()),
        Written::Bytes { bytes } => bytes,
    };
    let digits = hex.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes.ok_or_else(|| D::Error::custom("a path in hex is damaged"))?;
    Ok(OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::path::PathBuf;

    #[test]
    fn a_path_comes_back_whatever_its_bytes_are() {
        for bytes in [b"/home/me".to_vec(), b"/\xff\xfe/\"x".to_vec(), "/\u{e9}".into()] {
            let path = PathBuf::from(OsString::from_vec(bytes));
            let mut written = Vec::new();
            super::serialize(&path, &mut serde_json::Serializer::new(&mut written)).unwrap();
            let mut read = serde_json::Deserializer::from_slice(&written);
            assert_eq!(super::deserialize(&mut read).unwrap(), path);
        }
    }
}
