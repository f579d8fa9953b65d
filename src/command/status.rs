//! `status`: whether it works, on one screen, from what is on disk alone; fast enough for a prompt.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use base::Timestamp;
use serde_json::{Value, json};

use super::env::start_directory;
use super::post::Post;
use super::remedy::remedy;
use super::report::tilde;
use super::terminal::{Terminal, wrapped};
use super::{Outcome, many, print_json, told};
use crate::cli::{self, Global};
use crate::config::{Config, Destination, DestinationProblem, Env, Scope};
use crate::privacy::invalid_patterns;
use crate::state::{Backoff, Delivered, Store, Waiting};

/// Columns of the names on the left.
const NAMES: usize = 11;

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or nothing can be printed.
pub fn run(arguments: &cli::Status, global: &Global) -> Result<Outcome> {
    told(arguments.json, || tell(arguments, global))
}

fn tell(arguments: &cli::Status, global: &Global) -> Result<Outcome> {
    let start = start_directory(arguments.project.as_deref())?;
    let post = Post::new(global.config.clone())?;
    let config = post.config(Some(&start), Scope::Explicit);
    let status = Status::of(start, config);
    if arguments.line {
        // A line in the terminal is no place for an exit code: Claude Code shows nothing when its statusline fails.
        writeln!(std::io::stdout().lock(), "{}", status.line())?;
        return Ok(Outcome::Done);
    }
    match arguments.json {
        true => print_json(&status.json())?,
        false => status.print(&post.env)?,
    }
    Ok(status.outcome())
}

/// What is known without a look at the network.
struct Status {
    now: Timestamp,
    start: PathBuf,
    config: Config,
    paused_since: Option<Timestamp>,
    delivered: Option<Delivered>,
    waiting: Waiting,
    backoff: Backoff,
    failed_at: Option<Timestamp>,
}

impl Status {
    fn of(start: PathBuf, config: Config) -> Self {
        let now = Timestamp::now();
        let store = Store::new(&config.state_dir);
        let times = store.pauses().times(Some(&start));
        let mut pauses = times.iter().filter(|time| time.covers(now));
        let paused_since = pauses.next().map(|time| time.from);
        let id = config.destination.as_ref().ok().map(Destination::id);
        let id = id.as_deref();
        Self {
            now,
            paused_since,
            delivered: id.and_then(|id| store.delivered(id)),
            waiting: store.all_waiting(),
            backoff: id.map(|id| store.backoff(id)).unwrap_or_default(),
            failed_at: id.and_then(|id| store.failed_at(id)),
            start,
            config,
        }
    }

    /// Why nothing can be sent as it is configured, and what to do.
    fn misconfigured(&self) -> Option<(String, String)> {
        if let Some(problem) = &self.config.suspended {
            return Some((problem.cause(), problem.remedy.clone()));
        }
        if !self.config.enabled {
            return None;
        }
        if let Err(problem) = &self.config.destination {
            return Some((problem.what(), problem.remedy()));
        }
        let wish = invalid_patterns(&self.config)?;
        Some((wish, "see 'claude-langfuse config'".to_owned()))
    }

    /// What went wrong last and is not over, and what to do.
    fn failure(&self) -> Option<(&str, String)> {
        let reason = self.backoff.reason.as_deref().filter(|_| self.backoff.failures > 0)?;
        let destination = self.config.destination.as_ref().ok()?;
        Some((reason, remedy(self.backoff.problem, destination)))
    }

    fn outcome(&self) -> Outcome {
        if self.misconfigured().is_some() {
            Outcome::Misconfigured
        } else if self.waiting.sessions > 0 || self.failure().is_some() {
            Outcome::Failed
        } else {
            Outcome::Done
        }
    }

    fn state(&self) -> &'static str {
        match self.config.enabled {
            false if self.config.suspended.is_some() => "suspended",
            false => "off",
            true if self.paused_since.is_some() => "paused",
            true => "on",
        }
    }

    fn last_link(&self) -> Option<String> {
        let destination = self.config.destination.as_ref().ok()?;
        let trace = self.delivered.as_ref()?.trace.as_ref()?;
        Some(destination.trace_link(trace.as_str()))
    }

    /// How long ago something was.
    fn ago(&self, at: Timestamp) -> String {
        roughly(self.now.since(at))
    }

    fn line(&self) -> String {
        let mut line = format!("langfuse {}", self.state());
        if self.config.suspended.is_some() {
            line.push_str(": claude-langfuse status");
        }
        if !self.config.enabled {
            return line;
        }
        if self.misconfigured().is_some() {
            line.push_str(", not configured: claude-langfuse doctor");
        } else if self.failure().is_some() {
            line.push_str(", failing: claude-langfuse status");
        }
        if self.waiting.sessions > 0 {
            line.push_str(&format!(", {} waiting", self.waiting.sessions));
        }
        if let Some(link) = self.last_link() {
            line.push_str(&format!(", {link}"));
        }
        line
    }

    /// What the state was taken from.
    fn source_of_state(&self) -> String {
        let switch = || self.config.setting("TRACE_TO_LANGFUSE");
        match &self.config.suspended {
            Some(problem) => problem.place.clone(),
            None => switch().map_or_else(String::new, |setting| setting.source.to_string()),
        }
    }

    fn print(&self, env: &Env) -> Result<()> {
        let width = Terminal::of_stdout(env).width();
        let mut out = std::io::stdout().lock();
        let mut say = |name: &str, text: &str| {
            let text = tilde(env.home(), text);
            writeln!(out, "{name:NAMES$}{}", wrapped(&text, NAMES, width))
        };
        say(
            "tracing",
            &format!("{} in {} ({})", self.state(), self.start.display(), self.source_of_state()),
        )?;
        if let Some(since) = self.paused_since {
            say("paused", &format!("for {}; 'claude-langfuse resume' ends it", self.ago(since)))?;
        }
        match &self.config.destination {
            Ok(destination) => {
                say(
                    "langfuse",
                    &format!("{} ({})", destination.base_url, destination.base_url_source),
                )?;
                say("key", &format!("{} ({})", destination.public_key, destination.keys_source))?;
            }
            Err(DestinationProblem::Suspended(_)) => {
                say("langfuse", "not known until the configuration can be read")?;
            }
            Err(problem) => say("langfuse", &format!("nowhere: {}", problem.what()))?,
        }
        match &self.delivered {
            Some(delivered) => say("delivered", &format!("{} ago", self.ago(delivered.at)))?,
            None if self.config.suspended.is_some() => {}
            None => say("delivered", "nothing yet")?,
        }
        if let Some(link) = self.last_link() {
            say("", &link)?;
        }
        match self.waiting {
            Waiting { sessions: 0, .. } => say("waiting", "nothing")?,
            Waiting { sessions, since } => {
                let since = since.map(|since| self.ago(since)).unwrap_or_default();
                let sessions = many(sessions, "session");
                say(
                    "waiting",
                    &format!("{sessions}, for {since}; 'claude-langfuse flush' sends what is left"),
                )?;
            }
        }
        for (name, text) in self.trouble() {
            say(name, &text)?;
        }
        Ok(())
    }

    /// What is wrong and what to do, as lines of the screen.
    fn trouble(&self) -> Vec<(&'static str, String)> {
        if let Some((what, help)) = self.misconfigured() {
            return vec![("error", what), ("", format!("help: {help}"))];
        }
        let Some((reason, help)) = self.failure() else {
            return Vec::new();
        };
        let at = self.failed_at.map(|at| format!(" ({} ago)", self.ago(at)));
        let mut lines = vec![
            ("error", format!("{reason}{}", at.unwrap_or_default())),
            ("", format!("help: {help}")),
        ];
        let next = self.backoff.not_before.filter(|_| self.backoff.holds(self.now));
        lines.extend(
            next.map(|next| ("", format!("hooks try again in {}", roughly(next.since(self.now))))),
        );
        lines
    }

    fn json(&self) -> Value {
        let destination = self.config.destination.as_ref().ok();
        let consent = self.config.setting("TRACE_TO_LANGFUSE").map(|setting| &setting.source);
        let time = |at: Timestamp| at.rfc3339();
        let error = match self.misconfigured() {
            Some((what, help)) => Some(json!({"message": what, "help": help})),
            None => self.failure().map(|(reason, help)| {
                json!({
                    "message": reason,
                    "help": help,
                    "problem": self.backoff.problem,
                    "at": self.failed_at.map(time),
                    "next_try": self.backoff.not_before.map(time),
                })
            }),
        };
        json!({
            "schema": 1,
            "start_directory": self.start,
            "state": self.state(),
            "layer": consent.map(|source| source.layer.name()),
            "place": consent.map(|source| &source.place),
            "base_url": destination.map(|destination| &destination.base_url),
            "public_key": destination.map(|destination| &destination.public_key),
            "paused_since": self.paused_since.map(time),
            "delivered_at": self.delivered.as_ref().map(|delivered| time(delivered.at)),
            "last_trace": self.last_link(),
            "waiting": {"sessions": self.waiting.sessions, "since": self.waiting.since.map(time)},
            "error": error,
        })
    }
}

/// A length of time in the largest unit that fits.
pub(super) fn roughly(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    match count {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::roughly;

    #[test]
    fn a_length_of_time_has_one_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (7200, "2 hours"),
            (86_400 * 30, "30 days"),
        ] {
            assert_eq!(roughly(Duration::from_secs(seconds)), text);
        }
    }
}
