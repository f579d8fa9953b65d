//! Texts that are longer than anything that may leave: only their beginning and their end are kept, with the number of
//! characters between them. So a row costs little memory once it is read, whatever its length.

/// Stands around that number. Unicode keeps it for the inside of programs: no text that is exchanged has it.
const GAP: char = '\u{fdd0}';

/// How much more is kept than may leave at each side, in characters: a secret that lies across a cut is found by all of it.
const MARGIN: usize = 64 * 1024;

/// A text of which only the beginning and the end are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// Its beginning.
    pub head: &'a str,
    /// Its end.
    pub tail: &'a str,
    /// How many characters all of it has.
    pub characters: usize,
}

/// A text of these characters as it is kept where texts of so many may leave; `None` if all of it is.
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

/// The two sides of a text that was cut when it was read. Several such texts may have been put together: then it is the
/// first one's beginning and the last one's end.
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

/// How many characters a text has, those that were not kept included.
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

/// Whether a text that was read is this one, but for spaces around it.
pub(super) fn is_same(read: &str, told: &str) -> bool {
    let told = told.trim();
    match excerpt(read) {
        None => read.trim() == told,
        Some(Excerpt { head, tail, .. }) => {
            told.starts_with(head.trim_start()) && told.ends_with(tail.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, MARGIN, characters, cut, excerpt, is_same};

    #[test]
    fn of_a_text_that_is_much_too_long_both_ends_are_kept_and_its_length() {
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
    fn of_texts_that_were_put_together_the_outer_ends_count() {
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
