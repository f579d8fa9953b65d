//! Standard output and standard error of commands. Control sequences in texts of transcripts, servers and settings
//! are shown as escapes, which mean the same in JSON.

use std::io::{self, IsTerminal, StderrLock, StdoutLock, Write};

use base::printable;

/// The styles of [`Terminal`](super::terminal::Terminal), which pass through.
const STYLES: [&str; 5] = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];

/// Standard output, for texts and for JSON.
pub(in crate::commands) fn stdout() -> Screen<StdoutLock<'static>> {
    let is_forced = std::env::var_os("CLICOLOR_FORCE").is_some();
    Screen::new(io::stdout().is_terminal() || is_forced, io::stdout().lock())
}

/// Standard output for JSON whose bytes are of interest: as they are, unless they go to a terminal.
pub(in crate::commands) fn exact_stdout() -> Box<dyn Write> {
    if io::stdout().is_terminal() { Box::new(stdout()) } else { Box::new(io::stdout().lock()) }
}

/// Standard error.
pub(in crate::commands) fn stderr() -> Screen<StderrLock<'static>> {
    Screen::new(io::stderr().is_terminal(), io::stderr().lock())
}

/// Passes through printable text, and escapes the rest.
pub(in crate::commands) struct Screen<W> {
    passes_styles: bool,
    /// The last text ended with `\r`, which may be half of an end of line.
    is_at_return: bool,
    out: W,
}

impl<W: Write> Screen<W> {
    fn new(passes_styles: bool, out: W) -> Self {
        Self { passes_styles, is_at_return: false, out }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.is_at_return && !text.is_empty() {
            self.is_at_return = false;
            let shown: &[u8] = if text.starts_with('\n') { b"\r" } else { b"\\u000d" };
            self.out.write_all(shown)?;
        }
        let mut rest = text;
        if let Some(before) = text.strip_suffix('\r') {
            self.is_at_return = true;
            rest = before;
        }
        while self.passes_styles
            && let Some(at) = rest.find('\u{1b}')
        {
            let (before, from) = rest.split_at(at);
            let style = STYLES.iter().find(|style| from.starts_with(**style)).unwrap_or(&"");
            let skipped = style.len().max(1);
            self.out.write_all(printable(before).as_bytes())?;
            let sign = if style.is_empty() { "\\u001b" } else { style };
            self.out.write_all(sign.as_bytes())?;
            rest = from.get(skipped..).unwrap_or_default();
        }
        self.out.write_all(printable(rest).as_bytes())
    }
}

impl<W: Write> Write for Screen<W> {
    /// Formatting gives whole texts, so that no character is cut.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match str::from_utf8(bytes) {
            Ok(text) => self.text(text)?,
            Err(_) => self.text(&String::from_utf8_lossy(bytes))?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Screen;

    fn shown(passes_styles: bool, text: &str) -> String {
        let mut screen = Screen::new(passes_styles, Vec::new());
        write!(screen, "{text}").unwrap();
        String::from_utf8(screen.out).unwrap()
    }

    #[test]
    fn only_the_own_styles_pass_and_only_on_a_terminal() {
        let text = "\u{1b}[1mbold\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}";
        assert_eq!(shown(true, text), "\u{1b}[1mbold\u{1b}[0m \\u001b[2J\\u001b]0;title\\u0007");
        assert!(!shown(false, text).contains('\u{1b}'));
        assert_eq!(shown(true, "ends\u{1b}"), "ends\\u001b");
    }

    #[test]
    fn an_end_of_line_passes_also_in_two_parts() {
        let mut screen = Screen::new(false, Vec::new());
        for part in ["one\r", "\n", "two\r", "three\r\n"] {
            screen.write_all(part.as_bytes()).unwrap();
        }
        assert_eq!(String::from_utf8(screen.out).unwrap(), "one\r\ntwo\\u000dthree\r\n");
    }
}
