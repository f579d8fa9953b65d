//! Standard output: a terminal with a width and styles, or a pipe or file that gets plain, whole lines.

use std::io::IsTerminal;

use base::is_printable;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::config::Env;

// Styles of `Terminal::styled`.
pub(in crate::commands) const RED: &str = "31";
pub(in crate::commands) const GREEN: &str = "32";
pub(in crate::commands) const YELLOW: &str = "33";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Terminal {
    styled: bool,
    /// Columns of a line; `None` if lines may have any length.
    pub width: Option<usize>,
}

impl Terminal {
    /// Standard output, with the settings in `NO_COLOR`, `CLICOLOR_FORCE`, `TERM` and `COLUMNS`.
    pub(in crate::commands) fn of_stdout(env: &Env) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_set = |name: &str| env.variable(name).is_some();
        let forced = env.variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let dumb = env.variable("TERM") == Some("dumb");
        Self {
            styled: !is_set("NO_COLOR") && (forced || is_terminal && !dumb),
            width: columns_variable(env.variable("COLUMNS")).or_else(terminal_width),
        }
    }

    pub(in crate::commands) fn bold(self, text: &str) -> String {
        self.styled("1", text)
    }

    pub(in crate::commands) fn styled(self, code: &str, text: &str) -> String {
        if self.styled { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Truncates the text to one line of the terminal.
    pub(in crate::commands) fn fit(self, text: &str) -> String {
        match self.width {
            Some(width) => truncate(text, width),
            None => text.to_owned(),
        }
    }
}

/// The width of standard output for help, which is printed before the configuration is read.
pub(in crate::commands) fn stdout_width() -> Option<usize> {
    columns_variable(std::env::var("COLUMNS").ok().as_deref()).or_else(terminal_width)
}

fn columns_variable(columns: Option<&str>) -> Option<usize> {
    let columns = columns?.trim().parse().ok();
    columns.filter(|width| *width > 0)
}

fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0))
}

/// Narrowest line, however narrow the terminal is.
const MIN_COLUMNS: usize = 30;

/// Wraps text between words. The first line begins at column `indentation`, behind text that the caller prints; further
/// lines are indented to it.
pub(in crate::commands) fn wrap(text: &str, indentation: usize, columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(usize::MAX).max(MIN_COLUMNS);
    let mut lines = String::with_capacity(text.len());
    let mut at = indentation;
    for word in text.split(' ') {
        if at > indentation && at + 1 + word.width() > columns {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indentation));
            at = indentation;
        } else if at > indentation {
            lines.push(' ');
            at += 1;
        }
        lines.push_str(word);
        at += word.width();
    }
    lines
}

/// Joins lines and removes control sequences.
pub(in crate::commands) fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || !is_printable(character));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Removes control characters from a line and keeps its spaces.
pub(in crate::commands) fn printable(line: &str) -> String {
    let line = line.replace('\t', "    ");
    line.chars().filter(|character| !character.is_control()).collect()
}

/// Truncates text to a number of columns, with an ellipsis.
pub(in crate::commands) fn truncate(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |character: &char| {
        let wanted = character.width().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::{one_line, printable, truncate, wrap};

    #[test]
    fn truncates_by_display_columns() {
        for (text, columns, shown) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("日本語", 5, "日本…"),
            ("日本語", 6, "日本語"),
            ("日本語", 4, "日…"),
            ("👩‍👩‍👧 family", 6, "👩‍👩‍…"),
            ("x", 0, ""),
        ] {
            assert_eq!(truncate(text, columns), shown);
            assert!(shown.width() <= columns);
        }
    }

    #[test]
    fn wraps_between_words_only() {
        let text = "one two three-four-five-six-seven-eight nine";
        assert_eq!(wrap(text, 2, None), text);
        assert_eq!(wrap(text, 2, Some(30)), "one two\n  three-four-five-six-seven-eight\n  nine");
        assert_eq!(wrap(text, 2, Some(1)), wrap(text, 2, Some(30)));
        assert_eq!(wrap("", 2, Some(30)), "");
    }

    #[test]
    fn removes_control_characters() {
        assert_eq!(printable("\tif x:\u{1b}[2J\r"), "    if x:[2J");
        assert_eq!(one_line(" a\n\tb\u{1b}[31m\u{7} c\r\n"), "a b [31m c");
    }
}
