//! The session's title, as the rows of one turn give it.

/// A title of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTitle {
    /// The title.
    pub text: String,
    /// A person gave it, and not the model.
    pub by_person: bool,
    /// Where its row starts.
    pub(super) offset: u64,
}

/// The title that counts: the last one, but one that a person gave stands against those of the model.
pub(super) fn merge(
    before: Option<SessionTitle>,
    next: Option<SessionTitle>,
) -> Option<SessionTitle> {
    match (before, next) {
        (Some(before), Some(next)) if before.by_person && !next.by_person => Some(before),
        (before, next) => next.or(before),
    }
}
