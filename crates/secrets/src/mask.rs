//! The replacement of a secret. The rules know it, so that masking twice changes nothing.

/// The prefix of every mask.
pub(super) const OPENING: &str = "[masked: ";

/// The replacement of a secret: its kind, and its length in characters.
pub fn mask(kind: &str, length: usize) -> String {
    format!("{OPENING}{kind}, {length} chars]")
}
