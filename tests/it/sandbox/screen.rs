//! What a person sees who types commands: snapshots of it read like documentation.

use std::fmt::Write;
use std::path::Path;

use super::Sandbox;

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
    /// Shows something else for what is another thing in each run, such as a port.
    pub(crate) fn hide(mut self, what: impl Into<String>, shown: &str) -> Self {
        self.hidden.insert(0, (what.into(), shown.to_owned()));
        self
    }

    /// Types a command line, of words without spaces.
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

    /// Compares it with the snapshot of this name.
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
