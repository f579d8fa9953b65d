//! The terminal of a person who types commands: snapshots of it read like documentation.

use std::fmt::Write;
use std::path::Path;

use super::Sandbox;

/// The answer that closes the input.
pub(crate) const END_OF_INPUT: &str = "^D";

/// A terminal's content so far.
pub(crate) struct Screen<'a> {
    sandbox: &'a Sandbox,
    hidden: Vec<(String, String)>,
    text: String,
}

impl Sandbox {
    /// An empty screen.
    pub(crate) fn screen(&self) -> Screen<'_> {
        let home = self.path("").display().to_string();
        let home = home.trim_end_matches('/').to_owned();
        Screen {
            sandbox: self,
            hidden: vec![
                (home, "/home/dev".to_owned()),
                (env!("CARGO_PKG_VERSION").to_owned(), "VERSION".to_owned()),
            ],
            text: String::new(),
        }
    }
}

impl Screen<'_> {
    /// Replaces a text that differs per run, such as a port.
    pub(crate) fn hide(mut self, what: impl Into<String>, shown: &str) -> Self {
        self.hidden.insert(0, (what.into(), shown.to_owned()));
        self
    }

    /// Types a command line; words must not contain spaces.
    pub(crate) fn types(mut self, line: &str) -> Self {
        let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
        let ran = self.sandbox.run(&arguments);
        let _ = writeln!(self.text, "$ {line}");
        self.text.push_str(&ran.stdout);
        for line in ran.stderr.lines() {
            let _ = writeln!(self.text, "stderr: {line}");
        }
        match ran.code {
            Some(0) => {}
            code => {
                let code = code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
                let _ = writeln!(self.text, "exit {code}");
            }
        }
        self.text.push('\n');
        self
    }

    /// Types a command line at a terminal, and answers its questions: waits for each first text and types the second.
    pub(crate) fn answers(mut self, line: &str, answers: &[(&str, &str)]) -> Self {
        let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
        let mut terminal = self.sandbox.at_terminal(100, &arguments);
        for (question, answer) in answers {
            terminal.sees(question);
            match *answer {
                END_OF_INPUT => terminal.ends_input(),
                answer => terminal.types(answer),
            };
        }
        let (code, screen) = terminal.ends();
        let _ = writeln!(self.text, "$ {line}");
        self.text.push_str(&without_ages(&screen.replace("\r\n", "\n")));
        if code != Some(0) {
            let _ = writeln!(self.text, "exit {}", code.map_or(-1, |code| code));
        }
        self.text.push('\n');
        self
    }

    /// Compares the screen with the snapshot of this name.
    pub(crate) fn is(self, name: &str) {
        let mut text = self.text;
        for (what, shown) in &self.hidden {
            text = text.replace(what, shown);
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/screens"));
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

/// Recorded sessions get older: `741 days ago` becomes `N days ago`.
fn without_ages(screen: &str) -> String {
    let mut words: Vec<&str> = screen.split(' ').collect();
    for end in 2..words.len() {
        if words[end].starts_with("ago") && words[end - 1].starts_with("day") {
            let number = words[end - 2].trim_end_matches(|one: char| one.is_ascii_digit());
            words[end - 2] = if number.is_empty() { "N" } else { "(N" };
        }
    }
    words.join(" ")
}
