//! `export`: conversations as lines of JSON, for fine-tuning and evaluation.

pub mod args;
pub(super) mod messages;
mod output_file;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use transcript::conversation::Conversation;
use transcript::locate;
use transcript::session::{Calls, Outline, TurnOutline};

use crate::commands::cli::Global;
use crate::commands::delivery_context::{Post, Session};
use crate::commands::export::args::{Export, Format, Per};
use crate::commands::session_args::{self, Wanted};
use crate::commands::session_ref::Reference;
use crate::commands::{Outcome, broken_lines, complain, many};
use crate::config::{Capture, Config, Scope};
use crate::delivery::Reach;
use crate::privacy::{Policy, unmet_wish};
use output_file::Sink;

/// Runs the command.
///
/// # Errors
/// When the sessions or turns that were named can't be found, or nothing can be written.
pub fn run(arguments: &Export, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    let claude_config = session_args::claude_config(&post)?;
    let named = match arguments.all {
        true => all(&claude_config),
        false => named(&arguments.targets, &claude_config)?,
    };
    let mut export = Run {
        arguments,
        wanted: Wanted::new(&arguments.filter),
        sink: Sink::open(arguments.output.as_deref())?,
        sessions: 0,
        lines: 0,
        outcome: Outcome::Done,
        is_reduced: false,
    };
    for (transcript, reference) in named {
        export.session(&mut post, &transcript, &reference)?;
    }
    export.finish(global.quiet)
}

/// In an order that is the same wherever the files lie.
fn all(claude_config: &Path) -> Vec<(PathBuf, Reference)> {
    let mut all: Vec<PathBuf> = locate::sessions(claude_config).collect();
    all.sort();
    let whole = |path| (path, Reference::default());
    all.into_iter().map(whole).collect()
}

fn named(targets: &[Reference], claude_config: &Path) -> Result<Vec<(PathBuf, Reference)>> {
    let mut named: Vec<(PathBuf, Reference)> = Vec::new();
    for reference in targets {
        let mut found =
            session_args::named(std::slice::from_ref(&reference.session), claude_config)?;
        found.sort();
        let found = found.into_iter().map(|path| (path, reference.clone()));
        let new: Vec<(PathBuf, Reference)> =
            found.filter(|target| !named.contains(target)).collect();
        named.extend(new);
    }
    Ok(named)
}

struct Run<'a> {
    arguments: &'a Export,
    wanted: Wanted<'a>,
    sink: Sink,
    sessions: usize,
    lines: usize,
    outcome: Outcome,
    /// The content of tools was left out somewhere.
    is_reduced: bool,
}

/// The turns of a session that are wanted, by their numbers.
type Chosen = Vec<(u64, TurnOutline, Calls)>;

impl Run<'_> {
    fn session(&mut self, post: &mut Post, path: &Path, reference: &Reference) -> Result<()> {
        if !self.wanted.has_or_misses(path) {
            return Ok(());
        }
        match readable(post, path) {
            Ok((session, config, outline)) => {
                let chosen = self.chosen(outline, reference)?;
                self.write(&session, &config, chosen)?;
            }
            Err((reason, outcome)) => self.skip(path, &reason, outcome),
        }
        Ok(())
    }

    fn chosen(&self, outline: Outline, reference: &Reference) -> Result<Chosen> {
        let arguments = self.arguments;
        let turns = numbered(outline);
        let numbers: Vec<u64> = turns.iter().map(|(number, _)| *number).collect();
        session_args::check_turns(reference, &numbers)?;
        if turns.len() < arguments.min_turns {
            return Ok(Chosen::new());
        }
        let is_by_model = |calls: &Calls| {
            let wanted = arguments.model.as_deref();
            wanted.is_none_or(|wanted| calls.model.starts_with(wanted))
        };
        let mut chosen: Chosen = turns
            .into_iter()
            .filter(|(number, turn)| {
                reference.turns.have(*number) && (turn.finished || !arguments.no_failed)
            })
            .filter_map(|(number, turn)| {
                let calls = turn.calls.clone().filter(is_by_model)?;
                Some((number, turn, calls))
            })
            .collect();
        if arguments.per == Per::Conversation {
            chosen.drain(..chosen.len().saturating_sub(1));
        }
        Ok(chosen)
    }

    fn write(&mut self, session: &Session, config: &Config, chosen: Chosen) -> io::Result<()> {
        if chosen.is_empty() {
            return Ok(());
        }
        self.sessions += 1;
        self.is_reduced |= config.capture == Capture::NoToolContent;
        let policy = Policy::from(config);
        let mut conversation = match Conversation::open(&session.transcript) {
            Ok(conversation) => conversation,
            Err(error) => {
                self.skip(&session.transcript, &format!("{error:#}"), Outcome::Failed);
                return Ok(());
            }
        };
        for turn in chosen {
            match self.line(session, &policy, &mut conversation, &turn) {
                Ok(Some(line)) => {
                    self.sink.line(&line)?;
                    self.lines += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    self.skip(&session.transcript, &format!("{error:#}"), Outcome::Failed);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// `None` where an answer was cut off while the model thought, and its thoughts are not wanted.
    fn line(
        &self,
        session: &Session,
        policy: &Policy,
        conversation: &mut Conversation,
        (number, turn, calls): &(u64, TurnOutline, Calls),
    ) -> Result<Option<Value>> {
        let mut messages = conversation.before(&calls.last)?;
        messages.extend(conversation.answer(&calls.last)?);
        let masked = messages::masked(messages, self.arguments.thinking, policy);
        if !masked.last().is_some_and(messages::is_answer) {
            return Ok(None);
        }
        let messages = messages::shaped(&masked, self.arguments.format);
        Ok(Some(match self.arguments.format {
            Format::Messages => json!({
                "schema": 1, "session": session.id, "turn": number, "at": turn.at.rfc3339(),
                "model": calls.model, "finished": turn.finished, "messages": messages,
            }),
            Format::Openai | Format::Anthropic => json!({ "messages": messages }),
        }))
    }

    fn skip(&mut self, path: &Path, reason: &str, outcome: Outcome) {
        let session = locate::session_id(path);
        complain(&format!("could not export session {session}: {reason}"));
        self.outcome = self.outcome.max(outcome);
    }

    fn finish(self, quiet: bool) -> Result<Outcome> {
        self.sink.finish()?;
        if !quiet {
            let left_out = match self.is_reduced {
                true => ", without what tools were given and gave (CC_LANGFUSE_CAPTURE)",
                false => "",
            };
            complain(&format!(
                "{} of {}{left_out}",
                many(self.lines, "line"),
                many(self.sessions, "session")
            ));
        }
        Ok(self.outcome)
    }
}

/// A session that has something to give, or why it has not.
fn readable(post: &mut Post, path: &Path) -> Result<(Session, Config, Outline), (String, Outcome)> {
    let failed = |error: anyhow::Error| (format!("{error:#}"), Outcome::Failed);
    let (session, config) =
        session_args::session(post, path, Reach::Again, Scope::Explicit).map_err(failed)?;
    if let Some(reason) = unmet_wish(&config).or_else(|| nothing_left(&config)) {
        return Err((reason, Outcome::Misconfigured));
    }
    let outline = outline(&session).map_err(failed)?;
    Ok((session, config, outline))
}

/// The session's own turns, as `show` counts them.
pub(super) fn numbered(outline: Outline) -> Vec<(u64, TurnOutline)> {
    let turns = outline.turns.into_iter();
    (1..)
        .zip(turns.filter(|turn| !turn.is_compaction))
        .collect()
}

/// A transcript that has lost rows is no conversation.
pub(super) fn outline(session: &Session) -> Result<Outline> {
    let (outline, diagnostics) = session.outline()?;
    match broken_lines(&diagnostics) {
        Some(broken) => anyhow::bail!("{broken}"),
        None => Ok(outline),
    }
}

/// Why a session has nothing to give: its content does not leave.
pub(super) fn nothing_left(config: &Config) -> Option<String> {
    (config.capture == Capture::Metadata).then(|| {
        "CC_LANGFUSE_CAPTURE=metadata leaves all content out; set it to full or no-tool-content for this command".to_owned()
    })
}
