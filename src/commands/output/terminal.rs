//! What standard output is: a terminal of some width that shows styles, or something that wants plain, whole lines.

use std::io::IsTerminal;

use crate::config::Surroundings;

/// Where results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Terminal {
    styled: bool,
    width: Option<usize>,
}

impl Terminal {
    /// Standard output, as its variables say (`NO_COLOR`, `CLICOLOR_FORCE`, `TERM`, `COLUMNS`).
    pub(in crate::commands) fn of_stdout(surroundings: &Surroundings) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name: &str| surroundings.variable(name).is_some();
        let forced = surroundings
            .variable("CLICOLOR_FORCE")
            .is_some_and(|value| value != "0");
        let dumb = surroundings.variable("TERM") == Some("dumb");
        let told = surroundings
            .variable("COLUMNS")
            .and_then(|columns| columns.trim().parse().ok());
        let size = || terminal_size::terminal_size().filter(|_| is_terminal);
        Self {
            styled: !is_set("NO_COLOR") && (forced || is_terminal && !dumb),
            width: told
                .filter(|width| *width > 0)
                .or_else(|| size().map(|(width, _)| usize::from(width.0))),
        }
    }

    /// How many columns a line may take; `None` where it may be as long as it is.
    pub(in crate::commands) fn width(self) -> Option<usize> {
        self.width
    }

    /// A heading.
    pub(in crate::commands) fn bold(self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Something that failed.
    pub(in crate::commands) fn red(self, text: &str) -> String {
        self.styled("31", text)
    }

    /// Something that did not go as it should.
    pub(in crate::commands) fn yellow(self, text: &str) -> String {
        self.styled("33", text)
    }

    /// Something that is as it should be.
    pub(in crate::commands) fn green(self, text: &str) -> String {
        self.styled("32", text)
    }

    fn styled(self, code: &str, text: &str) -> String {
        match self.styled {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// The text on one line of the terminal, cut where it is too long.
    pub(in crate::commands) fn fit(self, text: &str) -> String {
        match self.width {
            Some(width) => cut(text, width),
            None => text.to_owned(),
        }
    }
}

/// Columns that a line has at least, however narrow the terminal says it is.
const NARROWEST: usize = 30;

/// A text of words in as many lines as it takes, each after the first with this indentation. The first begins at the same
/// column, after what is there already.
pub(in crate::commands) fn wrapped(
    text: &str,
    indentation: usize,
    columns: Option<usize>,
) -> String {
    let columns = columns.unwrap_or(usize::MAX).max(NARROWEST);
    let mut lines = String::with_capacity(text.len());
    let mut at = indentation;
    for word in text.split(' ') {
        let wanted = width(word);
        if at > indentation && at + 1 + wanted > columns {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indentation));
            at = indentation;
        } else if at > indentation {
            lines.push(' ');
            at += 1;
        }
        lines.push_str(word);
        at += wanted;
    }
    lines
}

/// Text of a transcript on one line, without what a terminal would obey.
pub(in crate::commands) fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The text, or so many columns of its beginning.
pub(in crate::commands) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |character: &char| {
        let wanted = columns_of(*character);
        let fits = wanted <= left;
        left = left.saturating_sub(wanted);
        fits
    };
    let mut beginning: String = text.chars().take_while(fits).collect();
    if columns > 0 {
        beginning.push('…');
    }
    beginning
}

/// How many columns a text takes.
pub(in crate::commands) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Two for what East Asian scripts and emoji take, roughly: enough to keep lines from wrapping.
fn columns_of(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, one_line, width, wrapped};

    #[test]
    fn text_is_cut_by_columns_and_says_so() {
        for (text, columns, shown) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("日本語", 5, "日本…"),
            ("日本語", 6, "日本語"),
            ("日本語", 4, "日…"),
            ("x", 0, ""),
        ] {
            assert_eq!(cut(text, columns), shown);
            assert!(width(shown) <= columns);
        }
    }

    #[test]
    fn text_is_wrapped_between_words_and_words_stay_whole() {
        let text = "one two three-four-five-six-seven-eight nine";
        assert_eq!(wrapped(text, 2, None), text);
        assert_eq!(
            wrapped(text, 2, Some(30)),
            "one two\n  three-four-five-six-seven-eight\n  nine"
        );
        assert_eq!(wrapped(text, 2, Some(1)), wrapped(text, 2, Some(30)));
        assert_eq!(wrapped("", 2, Some(30)), "");
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(one_line(" a\n\tb\u{1b}[31m\u{7} c\r\n"), "a b [31m c");
    }
}
