//! A value that must never be shown: it has no `Display`, and its `Debug` hides it.

use std::fmt;

/// A secret key. It reaches the wire through [`Secret::expose`] and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value so that it can't be printed by accident.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the `Authorization` header.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_output_does_not_hold_the_value() {
        assert_eq!(format!("{:?}", Secret::new("sk-lf-1234")), "Secret(***)");
    }
}
