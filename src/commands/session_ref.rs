//! A session and which of its turns are meant: `3f2a`, `3f2a#2`, `3f2a#2..5`.

use std::ops::RangeInclusive;

/// What a person calls a session, and its turns by the numbers that `show` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// A transcript, or a session's id (the beginning is enough).
    pub session: String,
    /// Which turns of it.
    pub turns: Turns,
}

/// Some turns of a session, or all: what an end leaves open reaches to the session's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    first: Option<u64>,
    last: Option<u64>,
}

/// Reads a reference. A path may have a `#` of its own, before the name of the file.
///
/// # Errors
/// When what stands behind the `#` names no turns: the text says what is understood.
pub fn parse(text: &str) -> Result<Reference, String> {
    let whole = || Reference {
        session: text.to_owned(),
        turns: Turns::default(),
    };
    let Some((session, turns)) = text.rsplit_once('#') else {
        return Ok(whole());
    };
    if turns.contains('/') || turns.ends_with(".jsonl") {
        return Ok(whole());
    }
    match Turns::parse(turns) {
        Some(turns) if !session.is_empty() => Ok(Reference {
            session: session.to_owned(),
            turns,
        }),
        _ => Err("give SESSION, SESSION#TURN or SESSION#FIRST..LAST, e.g. 3f2a#2..5".to_owned()),
    }
}

impl Turns {
    /// One turn.
    pub fn one(turn: u64) -> Self {
        Self {
            first: Some(turn),
            last: Some(turn),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((first, last)) = text.split_once("..") else {
            return number(text).map(Self::one);
        };
        let end = |text: &str| match text {
            "" => Some(None),
            text => number(text).map(Some),
        };
        let (first, last) = (end(first)?, end(last)?);
        let is_range = match (first, last) {
            (None, None) => false,
            (Some(first), Some(last)) => first <= last,
            _ => true,
        };
        is_range.then_some(Self { first, last })
    }

    /// The whole session is meant, also what belongs to no turn.
    pub fn are_all(self) -> bool {
        self == Self::default()
    }

    /// The one turn that is meant, where no range is.
    pub fn single(self) -> Option<u64> {
        self.first.filter(|_| self.first == self.last)
    }

    /// Whether a turn of this number is meant.
    pub fn have(self, turn: u64) -> bool {
        self.first.is_none_or(|first| first <= turn) && self.last.is_none_or(|last| turn <= last)
    }

    /// The first number that is named and that is none of the session's.
    pub fn beyond(self, session: RangeInclusive<u64>) -> Option<u64> {
        let named = [self.first, self.last];
        named
            .into_iter()
            .flatten()
            .find(|turn| !session.contains(turn))
    }
}

/// Turns are counted from 1.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|turn| is_number && *turn > 0)
}

#[cfg(test)]
mod tests {
    use super::{Turns, parse};

    fn turns(first: Option<u64>, last: Option<u64>) -> Turns {
        Turns { first, last }
    }

    #[test]
    fn a_session_may_come_with_turns() {
        for (text, session, meant) in [
            ("3f2a", "3f2a", Turns::default()),
            ("3f2a#2", "3f2a", Turns::one(2)),
            ("3f2a#2..5", "3f2a", turns(Some(2), Some(5))),
            ("3f2a#2..2", "3f2a", Turns::one(2)),
            ("3f2a#2..", "3f2a", turns(Some(2), None)),
            ("3f2a#..5", "3f2a", turns(None, Some(5))),
            ("a/b.jsonl#1", "a/b.jsonl", Turns::one(1)),
            ("c#/a/b.jsonl", "c#/a/b.jsonl", Turns::default()),
            ("c#/a/b.jsonl#3", "c#/a/b.jsonl", Turns::one(3)),
            ("my#1.jsonl", "my#1.jsonl", Turns::default()),
        ] {
            let reference = parse(text).unwrap();
            assert_eq!((&*reference.session, reference.turns), (session, meant));
        }
    }

    #[test]
    fn what_names_no_turns_is_told() {
        for text in [
            "3f2a#",
            "3f2a#0",
            "3f2a#+1",
            "3f2a#two",
            "3f2a#5..2",
            "3f2a#..",
            "3f2a#1..2..3",
            "3f2a#-1",
            "#2",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        let range = parse("3f2a#2..4").unwrap().turns;
        assert_eq!(
            [1, 2, 4, 5].map(|turn| range.have(turn)),
            [false, true, true, false]
        );
        let from = parse("3f2a#2..").unwrap().turns;
        assert!(from.have(u64::MAX) && !from.have(1) && from.single().is_none());
        assert!(Turns::default().are_all() && Turns::default().have(1));
        assert_eq!(Turns::one(3).single(), Some(3));
    }

    #[test]
    fn a_number_that_the_session_does_not_have_is_found() {
        let beyond = |text: &str| parse(text).unwrap().turns.beyond(1..=4);
        assert_eq!(
            ["s#4", "s#5", "s#2..9", "s#2..", "s", "s#..4"].map(beyond),
            [None, Some(5), Some(9), None, None, None]
        );
    }
}
