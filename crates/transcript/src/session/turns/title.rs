//! The session's title.

/// A title of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTitle {
    /// The title.
    pub text: String,
    /// A person gave it, and not the model.
    pub by_person: bool,
    /// Where its row starts.
    pub offset: u64,
}

impl SessionTitle {
    /// The title that counts: the next one, but one that a person gave stands against those of the model.
    #[must_use]
    pub fn merge(before: Option<Self>, next: Self) -> Option<Self> {
        match before {
            Some(before) if before.by_person && !next.by_person => Some(before),
            _ => Some(next),
        }
    }

    /// Claude Code writes a title again when a session goes on.
    pub(super) fn says_the_same(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| other.text == self.text)
    }
}
