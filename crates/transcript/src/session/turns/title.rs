//! The session's title.

/// A title of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTitle {
    /// The title.
    pub text: String,
    /// A person chose it, not the model.
    pub by_person: bool,
    /// The offset of its row.
    pub offset: u64,
}

impl SessionTitle {
    /// The effective title: the next one, but the model's never replaces a person's.
    #[must_use]
    pub fn merge(before: Option<Self>, next: Self) -> Option<Self> {
        match before {
            Some(before) if before.by_person && !next.by_person => Some(before),
            _ => Some(next),
        }
    }

    /// Claude Code writes a title again when a session continues.
    pub(super) fn says_the_same(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| other.text == self.text)
    }
}
