//! Where a rule found a secret.

/// A secret in a text: its place in bytes, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: &'static str,
    /// The kind is that of the words around it: a value that is known by itself tells more.
    pub(super) is_by_context: bool,
    /// JSON's number: its mask needs quotes.
    pub(super) is_number: bool,
}

impl Hit {
    /// A secret that is known by its beginning or its shape, or whose kind is as good as it gets.
    pub(super) const fn new(start: usize, end: usize, kind: &'static str) -> Self {
        Self { start, end, kind, is_by_context: false, is_number: false }
    }

    /// A secret that is known by the words around it.
    pub(super) const fn by_context(start: usize, end: usize, kind: &'static str) -> Self {
        Self { is_by_context: true, ..Self::new(start, end, kind) }
    }
}
