//! Excerpts of texts that are too long to send: their beginning, their end, and the number of characters between. A
//! row of any length then needs little memory once it is read.

/// Encloses that number. Unicode reserves this character for use inside programs, so that no exchanged text has it.
const GAP: char = '\u{fdd0}';

/// The number of extra characters kept at each side, so that a secret across the cut is found whole.
const MARGIN: usize = 64 * 1024;

/// A text whose middle was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// Its beginning.
    pub head: &'a str,
    /// Its end.
    pub tail: &'a str,
    /// The number of characters of the whole text.
    pub characters: usize,
}

/// The excerpt of a text, if texts are sent up to `longest` characters; `None` if the whole text is kept.
pub(super) fn cut(text: impl Iterator<Item = char> + Clone, longest: usize) -> Option<String> {
    let side = longest.saturating_add(MARGIN);
    let between = text.clone().count().checked_sub(side.checked_mul(2)?)?;
    if between == 0 {
        return None;
    }
    let mut kept: String = text.clone().take(side).collect();
    kept.push(GAP);
    kept.push_str(&between.to_string());
    kept.push(GAP);
    kept.extend(text.skip(side + between));
    Some(kept)
}

/// The parts of an excerpt; `None` for another text. Of several joined excerpts: the beginning of the first, the end
/// of the last.
pub fn excerpt(text: &str) -> Option<Excerpt<'_>> {
    if text.len() <= 2 * MARGIN {
        return None;
    }
    let (head, rest) = text.split_once(GAP)?;
    let (number, _) = rest.split_once(GAP)?;
    number.parse::<usize>().ok()?;
    let (_, tail) = rest.rsplit_once(GAP)?;
    Some(Excerpt { head, tail, characters: characters(text) })
}

/// The number of characters of a text, including those dropped from an excerpt.
pub fn characters(text: &str) -> usize {
    if text.len() <= 2 * MARGIN {
        return text.chars().count();
    }
    let pieces = text.split(GAP).enumerate();
    let lengths = pieces.map(|(place, piece)| match piece.parse::<usize>() {
        Ok(between) if place % 2 == 1 => between,
        _ => piece.chars().count(),
    });
    lengths.sum()
}

/// Whether a text is the expected one, except for whitespace around it.
pub(super) fn is_same(read: &str, expected: &str) -> bool {
    let expected = expected.trim();
    match excerpt(read) {
        None => read.trim() == expected,
        Some(Excerpt { head, tail, .. }) => {
            expected.starts_with(head.trim_start()) && expected.ends_with(tail.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, MARGIN, characters, cut, excerpt, is_same};

    #[test]
    fn keeps_both_ends_and_the_length_of_a_much_too_long_text() {
        let side = 10 + MARGIN;
        let text = format!("{}ü{}", "a".repeat(side), "z".repeat(side));
        let kept = cut(text.chars(), 10).unwrap();
        let expected =
            Excerpt { head: &"a".repeat(side), tail: &"z".repeat(side), characters: 2 * side + 1 };
        assert_eq!(excerpt(&kept), Some(expected));
        assert_eq!(characters(&kept), 2 * side + 1);
        assert!(is_same(&kept, &format!(" {text}\n")) && !is_same(&kept, &text[1..]));
        assert_eq!(cut(text.chars().skip(1), 10), None);
    }

    #[test]
    fn joined_excerpts_keep_their_outer_ends() {
        let text = "x".repeat(3 * MARGIN);
        let both =
            format!("{}\nü\n{}", cut(text.chars(), 0).unwrap(), cut(text.chars(), 0).unwrap());
        let excerpt = excerpt(&both).unwrap();
        assert_eq!((excerpt.head.len(), excerpt.tail.len()), (MARGIN, MARGIN));
        assert_eq!(excerpt.characters, 6 * MARGIN + 3);
    }

    #[test]
    fn a_text_that_has_the_sign_itself_is_a_text() {
        let text = format!("\u{fdd0}no number\u{fdd0}{}", "x".repeat(3 * MARGIN));
        assert_eq!(excerpt(&text), None);
    }
}
