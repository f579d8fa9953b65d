//! The replacement of a secret. The rules know it, so that a masked text does not change when it is searched again.

/// The beginning of every mask.
pub(super) const OPENING: &str = "[masked: ";

/// The text for the place of a secret: its kind, and its length in characters.
pub fn mask(kind: &str, length: usize) -> String {
    format!("{OPENING}{kind}, {length} chars]")
}
