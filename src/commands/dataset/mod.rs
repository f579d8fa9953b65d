//! `dataset add`: turns as items of a dataset in Langfuse, by which the next version is judged.

pub mod args;
mod item;

use std::io::{self, Write};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use transcript::session::Calls;

use crate::commands::cli::Global;
use crate::commands::dataset::args::{Add, Dataset, DatasetCommand};
use crate::commands::delivery_context::{Post, Session};
use crate::commands::export::{nothing_left, numbered, outline};
use crate::commands::remedy::meaning;
use crate::commands::retry_after::patiently;
use crate::commands::session_args;
use crate::commands::turn_roots::{roots, warn_of_unsent};
use crate::commands::{Outcome, many, print_json, told};
use crate::config::{Config, Destination, Scope};
use crate::delivery::Reach;
use crate::langfuse::{Client, Deadline, LONGEST_ITEM, Put, Reply};
use crate::privacy::unmet_wish;
use item::{Item, Items, Turn};

/// Runs the command.
///
/// # Errors
/// When the session or its turn can't be found, or nothing can be printed.
pub fn run(arguments: &Dataset, global: &Global) -> Result<Outcome> {
    let DatasetCommand::Add(arguments) = &arguments.command;
    told(arguments.json, || add(arguments, global))
}

fn add(arguments: &Add, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    let reference = &arguments.session;
    let transcript = session_args::one(&reference.session, &session_args::claude_config(&post)?)?;
    let (session, config) =
        session_args::session(&mut post, &transcript, Reach::Again, Scope::Explicit)?;
    if let Some(reason) = unmet_wish(&config).or_else(|| nothing_left(&config)) {
        return failed(arguments, &reason, Outcome::Misconfigured);
    }
    let turns = answered(arguments, &session)?;
    let dataset = arguments.dataset.as_str();
    let expected = arguments.expected.as_deref();
    let roots = roots(&session, &config)?;
    let mut items = Items::new(dataset, &session, &config, roots, expected)?;
    if arguments.dry_run {
        for (turn, calls) in &turns {
            writeln!(io::stdout().lock(), "{}", items.item(turn, calls)?.body)?;
        }
        return Ok(Outcome::Done);
    }
    let destination = match &config.destination {
        Ok(destination) => destination,
        Err(problem) => return failed(arguments, &problem.to_string(), Outcome::Misconfigured),
    };
    warn_of_unsent(&session, &config, destination, &reference.session);
    let environment = &post.surroundings.environment;
    let mut server = Server {
        client: Client::to(destination, config.ca_file.as_deref(), environment)?,
        config: &config,
        destination,
    };
    match server.has(arguments) {
        Ok(true) => {}
        Ok(false) => {
            let reason = format!("there is no dataset {dataset}; --create makes it");
            return failed(arguments, &reason, Outcome::Failed);
        }
        Err(reply) => return server.failed(arguments, &reply),
    }
    for (turn, calls) in &turns {
        let Item { body, trace } = items.item(turn, calls)?;
        let length = body.to_string().len();
        if length > LONGEST_ITEM {
            let reason = format!(
                "turn {} has {length} bytes and the server takes {LONGEST_ITEM}; a smaller CC_LANGFUSE_MAX_CHARS cuts long texts",
                turn.number
            );
            return failed(arguments, &reason, Outcome::ContentRefused);
        }
        match server.put(&body) {
            Ok(put) => tell(
                arguments,
                &session,
                turn,
                put,
                &body,
                &destination.trace_link(&trace),
            )?,
            Err(reply) => return server.failed(arguments, &reply),
        }
    }
    Ok(Outcome::Done)
}

/// The turns that are meant and that a model answered.
fn answered(arguments: &Add, session: &Session) -> Result<Vec<(Turn, Calls)>> {
    let reference = &arguments.session;
    let turns: Vec<Turn> = numbered(outline(session)?)
        .into_iter()
        .map(Turn::from)
        .collect();
    let numbers: Vec<u64> = turns.iter().map(|turn| turn.number).collect();
    session_args::check_turns(reference, &numbers)?;
    let mut answered = Vec::new();
    for mut turn in turns {
        if !reference.turns.have(turn.number) {
            continue;
        }
        match turn.calls.take() {
            Some(calls) => answered.push((turn, calls)),
            None if reference.turns.single().is_some() => {
                bail!(
                    "could not add turn {}: no model answered it; 'claude-langfuse show {}' shows the others",
                    turn.number,
                    reference.session
                )
            }
            None => log::info!("turn {} is passed over: no model answered it", turn.number),
        }
    }
    if answered.is_empty() {
        bail!(
            "could not add session {}: no model answered in it",
            session.id
        );
    }
    if arguments.expected.is_some() && answered.len() > 1 {
        let turns = many(answered.len(), "turn");
        bail!(
            "could not use --expected for {turns}: name one, e.g. {}#1",
            reference.session
        );
    }
    Ok(answered)
}

/// The place where datasets are, which may want to be left alone for a while.
struct Server<'a> {
    client: Client,
    config: &'a Config,
    destination: &'a Destination,
}

impl Server<'_> {
    /// Whether the dataset is there; it is made where that is wished.
    fn has(&mut self, arguments: &Add) -> Result<bool, Reply> {
        let name = &arguments.dataset;
        if self.patiently(|client, deadline| client.has_dataset(name, deadline))? {
            return Ok(true);
        }
        if arguments.create {
            self.patiently(|client, deadline| client.make_dataset(name, deadline))?;
        }
        Ok(arguments.create)
    }

    fn put(&mut self, item: &Value) -> Result<Put, Reply> {
        self.patiently(|client, deadline| client.put_item(item, deadline))
    }

    fn patiently<Answer>(
        &mut self,
        mut ask: impl FnMut(&mut Client, Deadline) -> Result<Answer, Reply>,
    ) -> Result<Answer, Reply> {
        patiently(|| ask(&mut self.client, Deadline::after(self.config.timeout)))
    }

    fn failed(&self, arguments: &Add, reply: &Reply) -> Result<Outcome> {
        let (reason, outcome) = meaning(reply, self.destination);
        failed(arguments, &reason, outcome)
    }
}

fn failed(arguments: &Add, reason: &str, outcome: Outcome) -> Result<Outcome> {
    let message = format!("could not add to dataset {}: {reason}", arguments.dataset);
    super::failed(arguments.json, &message, outcome)
}

fn tell(
    arguments: &Add,
    session: &Session,
    turn: &Turn,
    put: Put,
    item: &Value,
    link: &str,
) -> io::Result<()> {
    let (word, what) = match put {
        Put::Added => ("added", "added to"),
        Put::Changed => ("changed", "changed in"),
        Put::Unchanged => ("unchanged", "is in"),
    };
    let (dataset, number) = (&arguments.dataset, turn.number);
    if arguments.json {
        return print_json(&json!({
            "schema": 1, "dataset": dataset, "item": item.get("id"), "session": session.id, "turn": number,
            "state": word, "link": link,
        }));
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "turn {number} of session {}: {what} {dataset}",
        session.id
    )?;
    writeln!(out, "{link}")
}
