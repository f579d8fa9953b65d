//! Results of checks for people and for scripts. People paste them into bug reports: they have no secrets, and `~` for the
//! home folder.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::commands::exit_status::ExitStatus;
use crate::commands::output::{
    GREEN, RED, Terminal, YELLOW, plural, print_json, shorten_home, stdout, wrap,
};
use crate::config::Env;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) enum CheckLevel {
    Ok,
    /// Works, but may not be intended.
    Warn,
    /// Doesn't work.
    Fail,
}

impl CheckLevel {
    fn name_and_color(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("ok", GREEN),
            Self::Warn => ("warn", YELLOW),
            Self::Fail => ("fail", RED),
        }
    }

    fn name(self) -> &'static str {
        self.name_and_color().0
    }
}

#[derive(Clone, Debug)]
pub(in crate::commands) struct CheckResult {
    /// Stable name of the check in JSON.
    check: &'static str,
    level: CheckLevel,
    message: String,
    /// Remedy.
    help: Option<String>,
}

/// Results of all checks, in their order.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct CheckReport(Vec<CheckResult>);

impl CheckReport {
    pub(in crate::commands) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, CheckLevel::Ok, message.into(), None);
    }

    pub(in crate::commands) fn warn(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(check, CheckLevel::Warn, message.into(), Some(help.into()));
    }

    pub(in crate::commands) fn fail(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(check, CheckLevel::Fail, message.into(), Some(help.into()));
    }

    pub(in crate::commands) fn add(
        &mut self,
        check: &'static str,
        level: CheckLevel,
        message: String,
        help: Option<String>,
    ) {
        self.0.push(CheckResult { check, level, message, help });
    }

    /// The worst level.
    pub(in crate::commands) fn level(&self) -> CheckLevel {
        self.0.iter().map(|result| result.level).max().unwrap_or(CheckLevel::Ok)
    }

    /// `failed` if a check failed.
    pub(in crate::commands) fn status(&self, failed: ExitStatus) -> ExitStatus {
        if self.level() == CheckLevel::Fail { failed } else { ExitStatus::Done }
    }

    /// Prints the results for people, or one JSON object.
    pub(in crate::commands) fn print(&self, json: bool, env: &Env) -> Result<()> {
        if json { self.print_json(env.home()) } else { self.print_text(env) }
    }

    fn count(&self, level: CheckLevel) -> usize {
        self.0.iter().filter(|result| result.level == level).count()
    }

    /// Prints one line per result, with its remedy below.
    fn print_text(&self, env: &Env) -> Result<()> {
        const INDENTATION: usize = 6;
        let home = env.home();
        let terminal = Terminal::of_stdout(env);
        let text = |text: &str| wrap(&shorten_home(home, text), INDENTATION, terminal.width);
        let mut out = stdout();
        for CheckResult { check, level, message, help } in &self.0 {
            let (name, color) = level.name_and_color();
            let name = terminal.styled(color, &format!("{name:<4}"));
            writeln!(out, "{name}  {}", text(&format!("{check}: {message}")))?;
            if let Some(help) = help {
                writeln!(out, "      {}", text(&format!("help: {help}")))?;
            }
        }
        let (fails, warnings) = (self.count(CheckLevel::Fail), self.count(CheckLevel::Warn));
        let summary = match (fails, warnings) {
            (0, 0) => "no problems".to_owned(),
            (0, warnings) => plural(warnings, "warning"),
            (fails, 0) => plural(fails, "problem"),
            (fails, warnings) => {
                format!("{}, {}", plural(fails, "problem"), plural(warnings, "warning"))
            }
        };
        writeln!(out, "\n{summary}")?;
        Ok(())
    }

    fn print_json(&self, home: Option<&Path>) -> Result<()> {
        let findings: Vec<Value> = self
            .0
            .iter()
            .map(|CheckResult { check, level, message, help }| {
                let help = help.as_ref().map(|help| shorten_home(home, help));
                let message = shorten_home(home, message);
                json!({"check": check, "verdict": level.name(), "message": message, "help": help})
            })
            .collect();
        let report = json!({"verdict": self.level().name(), "findings": findings});
        Ok(print_json("checks", report)?)
    }
}
