//! The source of a value and the problems with it. Every message names the source: a value that can't be found
//! can't be fixed.

use std::fmt;
use std::path::PathBuf;

use super::variables::Variable;

/// The layers of the configuration; a later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Built in.
    Default,
    /// `env` of the configuration file.
    File,
    /// `env` of the longest matching path in the `projects` of the configuration file.
    Project,
    /// The shell and Claude Code's settings files, merged as Claude Code does.
    Session,
}

impl Layer {
    /// The layer's name in messages and in `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "config file",
            Self::Project => "project",
            Self::Session => "session",
        }
    }
}

/// Where one value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The layer that won.
    pub layer: Layer,
    /// The file (with the project's path), the flag, or "the environment".
    pub place: String,
    /// The spelling used there.
    pub name: &'static str,
}

impl Source {
    pub(super) fn built_in(variable: &Variable) -> Self {
        Self { layer: Layer::Default, place: "the defaults".to_owned(), name: variable.name }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.name, self.place)
    }
}

/// One line of `claude-langfuse config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Which variable.
    pub variable: &'static Variable,
    /// Its value in a form that may be shown: a secret is masked. Empty if it is not set.
    pub shown: String,
    /// Where the value came from.
    pub source: Source,
    /// The file with the value, if a `_FILE` spelling won.
    pub file: Option<PathBuf>,
}

/// A value or a file that could not be used. `what` says what happens instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable, as spelled at its source; `None` if the file itself is the problem.
    pub variable: Option<String>,
    /// The file, the flag, or "the environment".
    pub place: String,
    /// The problem.
    pub what: String,
    /// The remedy, as an imperative.
    pub remedy: String,
}

impl Problem {
    pub(super) fn of_file(place: &str, what: &str, remedy: impl Into<String>) -> Self {
        let (place, what) = (place.to_owned(), what.to_owned());
        Self { variable: None, place, what, remedy: remedy.into() }
    }

    pub(super) fn of_variable(
        variable: &str,
        place: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let variable = Some(variable.to_owned());
        Self { variable, place: place.to_owned(), what: what.into(), remedy: remedy.into() }
    }

    /// The problem and its place.
    pub fn cause(&self) -> String {
        match &self.variable {
            Some(variable) => format!("{variable} in {}: {}", self.place, self.what),
            None => format!("{}: {}", self.place, self.what),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&sentences(&self.cause(), &self.remedy))
    }
}

/// A problem and its remedy as one text.
pub(super) fn sentences(cause: &str, remedy: &str) -> String {
    let mut letters = remedy.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format!("{cause}. {}{}", first.unwrap_or_default(), letters.as_str())
}

/// A value in a form that may be shown: control characters would reach a terminal, keys would reach a bug report.
pub fn shown(value: &str) -> String {
    if let Some(start) = value.find("sk-lf-") {
        let (before, secret) = value.split_at(start);
        return format!("{}{}", shown(before), masked(secret));
    }
    let user = value
        .find("://")
        .map(|at| at + 3)
        .and_then(|start| Some((start, value.rfind('@').filter(|at| *at >= start)?)));
    let text = match user {
        Some((start, at)) => format!(
            "{}***{}",
            value.get(..start).unwrap_or_default(),
            value.get(at..).unwrap_or_default()
        ),
        None => value.to_owned(),
    };
    text.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect()
}

/// A secret in a form that may be shown: enough to distinguish two keys, too little to use one.
pub fn masked(secret: &str) -> String {
    let prefix = if secret.starts_with("sk-lf-") { "sk-lf-" } else { "" };
    // Four characters of a short secret are too many.
    let tail = match secret.char_indices().nth_back(3) {
        Some((at, _)) if secret.chars().count() >= 24 => secret.get(at..).unwrap_or_default(),
        _ => "",
    };
    format!("{prefix}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::{masked, shown};

    #[test]
    fn a_masked_key_keeps_its_prefix_and_four_characters() {
        let key = "sk-lf-0a1b2c3d-0000-1111-2222-333344449f3a";
        assert_eq!(masked(key), "sk-lf-…9f3a");
        assert_eq!(masked("short"), "…");
        assert_eq!(masked(&"ü".repeat(30)), "…üüüü");
    }

    #[test]
    fn a_key_or_password_in_a_wrong_place_is_not_shown() {
        let key = "sk-lf-0a1b2c3d-0000-1111-2222-333344449f3a";
        assert_eq!(shown(&format!("key={key}")), "key=sk-lf-…9f3a");
        assert_eq!(shown("https://me:pass@host/x"), "https://***@host/x");
        assert_eq!(shown("a\u{1b}[2J"), "a\u{fffd}[2J");
    }
}
