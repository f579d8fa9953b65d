//! Truncates a long text to its head and tail, with its length between them.

pub(super) struct Cut {
    /// Characters kept at the beginning.
    pub(super) head: usize,
    /// Characters kept at the end.
    pub(super) tail: usize,
    marker: String,
}

impl Cut {
    /// To at most `max_chars` characters including the marker, if it fits.
    pub(super) fn to(max_chars: usize, characters: usize) -> Self {
        let marker = format!("\n…[cut: {characters} characters in all]…\n");
        let room = max_chars.saturating_sub(marker.chars().count());
        let tail = room / 4;
        Self { head: room - tail, tail, marker }
    }

    /// The truncated text, made of its beginning and its end.
    pub(super) fn join(&self, beginning: &str, end: &str) -> String {
        let head_end = offset_of(beginning, self.head);
        let tail_start = end.chars().count().saturating_sub(self.tail);
        [
            beginning.get(..head_end).unwrap_or_default(),
            &self.marker,
            end.get(offset_of(end, tail_start)..).unwrap_or_default(),
        ]
        .concat()
    }
}

pub(super) fn apply(text: &mut String, max_chars: usize) {
    // A character has one to four bytes: most texts need no count.
    if text.len() <= max_chars {
        return;
    }
    let count = text.chars().count();
    if count > max_chars {
        *text = Cut::to(max_chars, count).join(text, text);
    }
}

/// Byte offset of a character, or the text's length if it has fewer.
pub(super) fn offset_of(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::apply;

    fn cut(text: &str, max_chars: usize) -> String {
        let mut text = text.to_owned();
        apply(&mut text, max_chars);
        text
    }

    #[test]
    fn head_and_tail_stay_with_the_length_between_them() {
        let text = format!("{}{}", "a".repeat(500), "z".repeat(500));
        let cut = cut(&text, 200);
        assert!(cut.starts_with("aaaa") && cut.ends_with("zzzz"), "{cut}");
        assert!(cut.contains("…[cut: 1000 characters in all]…"), "{cut}");
        assert_eq!(cut.chars().count(), 200);
    }

    #[test]
    fn text_of_just_the_length_stays_whole_however_many_bytes_it_has() {
        let text = "é".repeat(100);
        assert_eq!(cut(&text, 100), text);
    }

    #[test]
    fn a_limit_without_room_leaves_the_marker() {
        assert_eq!(cut(&"a".repeat(50), 3), "\n…[cut: 50 characters in all]…\n");
    }
}
