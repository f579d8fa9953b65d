//! The one hash of the program, as people and other programs write it.

use sha2::{Digest, Sha256};

/// The first so many bytes of a content's hash, in hexadecimal digits.
pub(crate) fn hex(content: &[u8], bytes: usize) -> String {
    Sha256::digest(content)
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
