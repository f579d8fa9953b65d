//! The place and kind of a found secret.

/// A secret in a text: its place in bytes, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: &'static str,
    /// The kind comes from the words around it. A kind from the value itself is more precise.
    pub(super) is_by_context: bool,
    /// A JSON number, whose mask needs quotes.
    pub(super) is_number: bool,
}

impl Hit {
    /// A secret recognised by its beginning or shape, with its final kind.
    pub(super) const fn new(start: usize, end: usize, kind: &'static str) -> Self {
        Self { start, end, kind, is_by_context: false, is_number: false }
    }

    /// A secret recognised by the words around it.
    pub(super) const fn by_context(start: usize, end: usize, kind: &'static str) -> Self {
        Self { is_by_context: true, ..Self::new(start, end, kind) }
    }
}
