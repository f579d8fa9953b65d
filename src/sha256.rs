//! The hash of ids, names and marks of files, as people and other programs write it. What only this program compares has a
//! faster one: `trace::digest`.

use sha2::{Digest, Sha256};

/// The first so many bytes of a content's hash, in hexadecimal digits.
pub(crate) fn hex(content: &[u8], bytes: usize) -> String {
    Sha256::digest(content)
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
