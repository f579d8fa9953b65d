//! What a check found, for people and for scripts. It is made to be pasted into a bug report: secrets never get here, and the
//! home folder is shown as `~`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::terminal::{Terminal, wrapped};
use crate::commands::print_json;
use crate::config::Surroundings;

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) enum Verdict {
    /// As it should be.
    Ok,
    /// Nothing fails, but it may not be what is wanted.
    Warn,
    /// It does not work.
    Fail,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    fn shown(self, terminal: Terminal) -> String {
        let name = format!("{:<4}", self.name());
        match self {
            Self::Ok => terminal.green(&name),
            Self::Warn => terminal.yellow(&name),
            Self::Fail => terminal.red(&name),
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Finding {
    /// What was looked at: a stable name for scripts.
    check: &'static str,
    verdict: Verdict,
    message: String,
    /// What to do about it.
    help: Option<String>,
}

/// All findings, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Report(Vec<Finding>);

impl Report {
    pub(in crate::commands) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Verdict::Ok, message.into(), None);
    }

    pub(in crate::commands) fn warn(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(check, Verdict::Warn, message.into(), Some(help.into()));
    }

    pub(in crate::commands) fn fail(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(check, Verdict::Fail, message.into(), Some(help.into()));
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        message: String,
        help: Option<String>,
    ) {
        self.0.push(Finding {
            check,
            verdict,
            message,
            help,
        });
    }

    /// The worst verdict.
    pub(in crate::commands) fn verdict(&self) -> Verdict {
        let verdicts = self.0.iter().map(|finding| finding.verdict);
        verdicts.max().unwrap_or(Verdict::Ok)
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    }

    /// Prints a line a finding, with its remedy below.
    pub(in crate::commands) fn print(&self, surroundings: &Surroundings) -> Result<()> {
        const INDENTATION: usize = 6;
        let home = surroundings.home();
        let terminal = Terminal::of_stdout(surroundings);
        let text = |text: &str| wrapped(&tilde(home, text), INDENTATION, terminal.width());
        let mut out = std::io::stdout().lock();
        for Finding {
            check,
            verdict,
            message,
            help,
        } in &self.0
        {
            let name = verdict.shown(terminal);
            writeln!(out, "{name}  {}", text(&format!("{check}: {message}")))?;
            if let Some(help) = help {
                writeln!(out, "      {}", text(&format!("help: {help}")))?;
            }
        }
        let (fails, warnings) = (self.count(Verdict::Fail), self.count(Verdict::Warn));
        let told = match (fails, warnings) {
            (0, 0) => "all is well".to_owned(),
            (0, warnings) => format!("it works; worth a look: {warnings}"),
            (fails, warnings) => format!("to be mended: {fails}; worth a look: {warnings}"),
        };
        writeln!(out, "\n{told}")?;
        Ok(())
    }

    /// Prints one JSON object.
    pub(in crate::commands) fn print_json(&self, home: Option<&Path>) -> Result<()> {
        let findings: Vec<Value> = self
            .0
            .iter()
            .map(|finding| {
                json!({
                    "check": finding.check,
                    "verdict": finding.verdict.name(),
                    "message": tilde(home, &finding.message),
                    "help": finding.help.as_ref().map(|help| tilde(home, help)),
                })
            })
            .collect();
        let report = json!({"schema": 1, "verdict": self.verdict().name(), "findings": findings});
        Ok(print_json(&report)?)
    }
}

/// A text in which the home folder is `~`: shorter, and nobody's name goes into a bug report.
pub(in crate::commands) fn tilde(home: Option<&Path>, text: &str) -> String {
    let Some(home) = home.and_then(Path::to_str).filter(|home| home.len() > 1) else {
        return text.to_owned();
    };
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(home) {
        let (before, from) = rest.split_at(at);
        let after = from.get(home.len()..).unwrap_or_default();
        // `/home/me` is not the begin of `/home/melissa`.
        let ends =
            !after.starts_with(|one: char| one.is_alphanumeric() || matches!(one, '-' | '_' | '.'));
        short.push_str(before);
        short.push_str(if ends { "~" } else { home });
        rest = after;
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::tilde;

    #[test]
    fn the_home_folder_is_shortened_wherever_it_is_one() {
        let home = Some(Path::new("/home/me"));
        for (text, short) in [
            ("/home/me/a in /home/me", "~/a in ~"),
            ("/home/melissa/a", "/home/melissa/a"),
            ("[ -x '/home/me/bin' ]", "[ -x '~/bin' ]"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(tilde(home, text), short);
        }
        assert_eq!(tilde(Some(Path::new("/")), "/etc"), "/etc");
        assert_eq!(tilde(None, "/etc"), "/etc");
    }
}
