//! Bold and dim text, where a person reads it and did not ask for plain text.

use std::io::IsTerminal;

/// Whether text is decorated.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    decorated: bool,
}

impl Style {
    /// The style of standard output: plain when it is no terminal, or when `NO_COLOR` is set.
    pub(crate) fn of_stdout() -> Self {
        let asked_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { decorated: std::io::stdout().is_terminal() && !asked_plain && !dumb }
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Something beside the point.
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.decorated { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
