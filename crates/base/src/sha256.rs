//! The hash of ids, names and file marks that people and other programs use. For digests that only this program
//! compares, `trace::digest` is faster.

use sha2::{Digest, Sha256};

/// The SHA-256 of `content`.
pub fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// The first `bytes` bytes of the SHA-256 of `content`, at most 32, as lower-case hex digits.
pub fn hex(content: &[u8], bytes: usize) -> String {
    // Digit by digit: formatting each byte took longer than hashing an id.
    let hash = Sha256::digest(content);
    let digits = hash.iter().take(bytes).flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}
