//! `show`: a session in the terminal as Langfuse would show it, and whether its tokens are all there are.

mod totals;
mod tree;

use std::io::{self, Write};

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use transcript::About;

use crate::commands::Outcome;
use crate::commands::cli::{Global, Show};
use crate::commands::delivery_context::{Post, Session};
use crate::commands::output::terminal::Terminal;
use crate::commands::preview::each_span;
use crate::commands::session_args;
use crate::commands::session_ref::{Reference, Turns};
use crate::commands::{broken_lines, print_json, told};
use crate::config::{Config, Scope};
use crate::delivery::{Reach, Report};
use crate::langfuse::Span;
use totals::Sum;
use tree::Forest;

/// Runs the command.
///
/// # Errors
/// When the session can't be found, read or printed.
pub fn run(arguments: &Show, global: &Global) -> Result<Outcome> {
    told(arguments.json, || show(arguments, global))
}

fn show(arguments: &Show, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    let reference = reference(arguments)?;
    let transcript = session_args::one(&reference.session, &session_args::claude_config(&post)?)?;
    let (session, config) =
        session_args::session(&mut post, &transcript, Reach::Again, Scope::Explicit)?;
    let mut forest = Forest::default();
    let mut sum = Sum::default();
    let report = each_span(&session, &config, |span| {
        forest.add(&span);
        Ok(())
    })?;
    session_args::check_turns(&reference, &forest.turns())?;
    let wanted = forest.spans_of(reference.turns);
    let is_wanted = |span: &str| wanted.contains(span);
    forest.each(|line| {
        if is_wanted(&line.span_id) {
            sum.add(line);
        }
    });
    if reference.turns.are_all() {
        sum.compare(About::read(&transcript)?.reckoning);
    }
    if arguments.json {
        as_json(&session, &config, &is_wanted)?;
        let mut all = json!({
            "schema": 1, "session": session.id, "turns": forest.turns().len(), "unfinished": report.unfinished,
            "broken_lines": report.diagnostics.broken_lines,
        });
        merge(&mut all, sum.as_json());
        print_json(&all)?;
        return Ok(Outcome::Done);
    }
    let terminal = Terminal::of_stdout(&post.surroundings);
    let mut out = io::stdout().lock();
    head(&mut out, terminal, &session, &forest, &report)?;
    forest.print(&mut out, terminal, reference.turns)?;
    sum.print(&mut out, terminal)?;
    Ok(Outcome::Done)
}

/// What is meant: a turn is named behind the session or by `--turn`.
fn reference(arguments: &Show) -> Result<Reference> {
    let mut reference = arguments.session.clone();
    if let Some(turn) = arguments.turn {
        if !reference.turns.are_all() {
            bail!(
                "could not tell which turn is meant: name it behind the # or by --turn, not by both"
            );
        }
        reference.turns = Turns::one(turn);
    }
    Ok(reference)
}

fn head(
    out: &mut impl Write,
    terminal: Terminal,
    session: &Session,
    forest: &Forest,
    report: &Report,
) -> io::Result<()> {
    let project = session
        .start
        .as_deref()
        .map(|start| start.display().to_string());
    let line = format!("session {}  {}", session.id, project.unwrap_or_default());
    writeln!(out, "{}", terminal.bold(&terminal.fit(line.trim_end())))?;
    if forest.is_empty() {
        writeln!(out, "no turns of its own that would be sent")?;
    }
    if let Some(broken) = broken_lines(&report.diagnostics) {
        writeln!(out, "{broken}")?;
    }
    if report.unfinished {
        writeln!(
            out,
            "the last turn is not over: what can still change of it is not shown"
        )?;
    }
    Ok(())
}

/// Prints each observation with all that would be sent of it.
fn as_json(session: &Session, config: &Config, is_wanted: &dyn Fn(&str) -> bool) -> Result<Report> {
    let mut out = io::stdout().lock();
    each_span(session, config, |span| match is_wanted(span.span_id()) {
        true => writeln!(out, "{}", observation(&span)),
        false => Ok(()),
    })
}

fn observation(span: &Span) -> Value {
    let mut told = json!({
        "schema": 1, "trace": span.trace_id(), "id": span.span_id(), "parent": span.parent(),
        "name": span.name(), "start": span.start().rfc3339(), "end": span.end().rfc3339(),
    });
    let mut known: Map<String, Value> = Map::new();
    for (key, value) in span.attributes_below("langfuse.observation.") {
        if !key.contains('.') && key != "usage_details" {
            known.insert(key.to_owned(), value.into());
        }
    }
    if let Some(model) = span.attribute("langfuse.observation.model.name") {
        known.insert("model".to_owned(), model.into());
        known.insert("usage".to_owned(), span.usage());
    }
    let metadata: Map<String, Value> = span
        .attributes_below("langfuse.trace.metadata.")
        .chain(span.attributes_below("langfuse.observation.metadata."))
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    known.insert("metadata".to_owned(), metadata.into());
    merge(&mut told, known.into());
    told
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
