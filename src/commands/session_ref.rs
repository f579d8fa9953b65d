//! A session and a selection of its turns: `3f2a`, `3f2a#2`, `3f2a#2..5`.

use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// A session as typed, and turns by the numbers that `show` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SessionRef {
    /// Transcript or session id prefix.
    pub session: PathBuf,
    pub turns: TurnSelection,
}

/// A range of turns; an open end reaches to that end of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TurnSelection {
    first: Option<u64>,
    last: Option<u64>,
}

/// Takes paths of any bytes.
pub(super) fn parser() -> impl TypedValueParser<Value = SessionRef> {
    OsStringValueParser::new().try_map(|text: OsString| parse(&text))
}

/// Takes paths of any bytes, an empty one too: what names no session is refused where it is looked for.
pub(super) fn path_parser() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Parses a reference. A path may contain a `#` of its own before the file name.
///
/// # Errors
/// When the part behind the `#` is no turn or range.
pub(super) fn parse(text: &OsStr) -> Result<SessionRef, String> {
    let whole = || SessionRef { session: text.into(), turns: TurnSelection::default() };
    let mut parts = text.as_bytes().rsplitn(2, |byte| *byte == b'#');
    let (Some(turns), Some(session)) = (parts.next(), parts.next()) else {
        return Ok(whole());
    };
    if turns.contains(&b'/') || turns.ends_with(b".jsonl") {
        return Ok(whole());
    }
    match str::from_utf8(turns).ok().and_then(TurnSelection::parse) {
        Some(turns) if !session.is_empty() => {
            Ok(SessionRef { session: OsStr::from_bytes(session).into(), turns })
        }
        _ => Err("give SESSION, SESSION#TURN or SESSION#FIRST..LAST, e.g. 3f2a#2..5".to_owned()),
    }
}

impl TurnSelection {
    pub(super) fn one(turn: u64) -> Self {
        Self { first: Some(turn), last: Some(turn) }
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

    /// Whether the whole session is selected, also observations outside of turns.
    pub(super) fn is_all(self) -> bool {
        self == Self::default()
    }

    /// The turn, if exactly one is selected.
    pub(super) fn single(self) -> Option<u64> {
        self.first.filter(|_| self.first == self.last)
    }

    pub(super) fn contains(self, turn: u64) -> bool {
        self.first.is_none_or(|first| first <= turn) && self.last.is_none_or(|last| turn <= last)
    }

    /// The first end of the range that is outside of the session's turns.
    pub(super) fn first_outside(self, session: RangeInclusive<u64>) -> Option<u64> {
        let named = [self.first, self.last];
        named.into_iter().flatten().find(|turn| !session.contains(turn))
    }
}

/// Turns are counted from 1.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|turn| is_number && *turn > 0)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::{TurnSelection, parse};

    fn turns(first: Option<u64>, last: Option<u64>) -> TurnSelection {
        TurnSelection { first, last }
    }

    #[test]
    fn parses_sessions_with_and_without_turns() {
        for (text, session, meant) in [
            ("3f2a", "3f2a", TurnSelection::default()),
            ("3f2a#2", "3f2a", TurnSelection::one(2)),
            ("3f2a#2..5", "3f2a", turns(Some(2), Some(5))),
            ("3f2a#2..2", "3f2a", TurnSelection::one(2)),
            ("3f2a#2..", "3f2a", turns(Some(2), None)),
            ("3f2a#..5", "3f2a", turns(None, Some(5))),
            ("a/b.jsonl#1", "a/b.jsonl", TurnSelection::one(1)),
            ("c#/a/b.jsonl", "c#/a/b.jsonl", TurnSelection::default()),
            ("c#/a/b.jsonl#3", "c#/a/b.jsonl", TurnSelection::one(3)),
            ("my#1.jsonl", "my#1.jsonl", TurnSelection::default()),
        ] {
            let reference = parse(text.as_ref()).unwrap();
            assert_eq!((&*reference.session, reference.turns), (Path::new(session), meant));
        }
    }

    #[test]
    fn takes_a_path_of_any_bytes() {
        let path = OsStr::from_bytes(b"caf\xe9.jsonl");
        let reference = parse(OsStr::from_bytes(b"caf\xe9.jsonl#2")).unwrap();
        assert_eq!((reference.session.as_os_str(), reference.turns), (path, TurnSelection::one(2)));
        assert_eq!(parse(path).unwrap().session, path);
    }

    #[test]
    fn rejects_invalid_turns() {
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
            assert!(parse(text.as_ref()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_contains_both_ends() {
        let range = parse("3f2a#2..4".as_ref()).unwrap().turns;
        assert_eq!([1, 2, 4, 5].map(|turn| range.contains(turn)), [false, true, true, false]);
        let from = parse("3f2a#2..".as_ref()).unwrap().turns;
        assert!(from.contains(u64::MAX) && !from.contains(1) && from.single().is_none());
        assert!(TurnSelection::default().is_all() && TurnSelection::default().contains(1));
        assert_eq!(TurnSelection::one(3).single(), Some(3));
    }

    #[test]
    fn finds_the_first_turn_outside_of_the_session() {
        let beyond = |text: &str| parse(text.as_ref()).unwrap().turns.first_outside(1..=4);
        assert_eq!(
            ["s#4", "s#5", "s#2..9", "s#2..", "s", "s#..4"].map(beyond),
            [None, Some(5), Some(9), None, None, None]
        );
    }
}
