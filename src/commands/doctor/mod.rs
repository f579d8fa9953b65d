//! `doctor`: what is in the way of a turn to Langfuse, told apart step by step, each with what to do about it.

mod claude_code;
mod connection;
mod hooks;
mod regions;
mod state;
mod test_trace;
mod transcripts;

use std::path::PathBuf;

use anyhow::Result;
use transcript::locate;

use crate::commands::cli::{self, Global};
use crate::commands::config;
use crate::commands::delivery_context::Post;
use crate::commands::newest_first::NewestFirst;
use crate::commands::output::report::{Report, Verdict};
use crate::commands::start_directory::start_directory;
use crate::commands::{Outcome, told};
use crate::config::{Config, Scope};

/// As many sessions tell how it goes here.
const LATELY: usize = 5;

/// What the checks look at.
struct Patient<'a> {
    arguments: &'a cli::Doctor,
    post: Post,
    start: PathBuf,
    config: Config,
    /// The transcripts that went on last, the newest first.
    newest: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or nothing can be printed.
pub fn run(arguments: &cli::Doctor, global: &Global) -> Result<Outcome> {
    told(arguments.json, || examine(arguments, global))
}

fn examine(arguments: &cli::Doctor, global: &Global) -> Result<Outcome> {
    let start = start_directory(arguments.project.as_deref())?;
    let post = Post::new(global.config.clone())?;
    let config = post.config(Some(&start), Scope::Explicit);
    let claude_config = post.surroundings.claude_config_dir();
    let patient = Patient {
        arguments,
        newest: claude_config
            .map(|folder| NewestFirst::new(locate::sessions(&folder)).take(LATELY))
            .into_iter()
            .flatten()
            .collect(),
        post,
        start,
        config,
    };
    let mut report = Report::default();
    let mut outcome = patient.examine(&mut report);
    let surroundings = &patient.post.surroundings;
    match arguments.json {
        true => report.print_json(surroundings.home())?,
        false => report.print(surroundings)?,
    }
    if report.verdict() == Verdict::Fail {
        // What it failed of is more than that it failed.
        outcome = outcome.max(Outcome::Failed);
    }
    Ok(outcome)
}

impl Patient<'_> {
    fn examine(&self, report: &mut Report) -> Outcome {
        report.ok(
            "program",
            format!(
                "claude-langfuse {} on {} {}",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::OS,
                std::env::consts::ARCH
            ),
        );
        config::check(
            report,
            &self.post.surroundings,
            &self.post.files,
            &self.start,
            &self.config,
        );
        let mut outcome = match report.verdict() {
            Verdict::Fail => Outcome::Misconfigured,
            Verdict::Ok | Verdict::Warn => Outcome::Done,
        };
        state::check(self, report);
        if !self.arguments.offline {
            outcome = outcome.max(connection::check(self, report));
        }
        hooks::check(self, report);
        claude_code::check(self, report);
        transcripts::check(self, report);
        outcome
    }
}
