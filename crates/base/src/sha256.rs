//! The hash of ids, names and marks of files, as people and other programs write it. What only this program compares has a
//! faster one: `trace::digest`.

use sha2::{Digest, Sha256};

/// The SHA-256 of `content`.
pub fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// The first `bytes` bytes of the SHA-256 of `content` as lower-case hexadecimal digits, two per byte; all 32 of them at most.
pub fn hex(content: &[u8], bytes: usize) -> String {
    // A digit at a time: to format each byte took longer than to hash what an id is made of.
    let hash = Sha256::digest(content);
    let digits = hash.iter().take(bytes).flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}
