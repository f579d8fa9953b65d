//! `dataset add`: saves turns as items of a Langfuse dataset.

mod item;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use transcript::session::Calls;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, status_error};
use crate::commands::export::{metadata_only, own_turns, read_outline};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::errors::{JsonLine, print_json, with_json_errors};
use crate::commands::output::screen::{exact_stdout, stdout};
use crate::commands::output::text::plural;
use crate::commands::remedy::failure;
use crate::commands::retry_after::with_retry_after;
use crate::commands::session_args;
use crate::commands::session_ref::{self, SessionRef};
use crate::commands::turn_roots::{turn_roots, warn_if_unsent};
use crate::config::{Config, Destination};
use crate::langfuse::{Client, Deadline, MAX_ITEM_BYTES, Put, Verdict};
use crate::privacy::invalid_patterns;
use item::{DatasetItem, DatasetItemBuilder, DatasetTurn};

const EXAMPLES: &str = "Examples:
  claude-langfuse dataset add 3f2a#2 --dataset bugs --create      one turn, in a new dataset
  claude-langfuse dataset add 3f2a --dataset bugs                 all answered turns of a session
  claude-langfuse dataset add 3f2a#2 --dataset bugs --expected answer.md
  claude-langfuse dataset add 3f2a#2..5 --dataset bugs --dry-run  print what would be sent

Exit codes: 0 added, 1 session, turn or dataset not found, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected, 6 content rejected.";

/// Save turns as items of a Langfuse dataset
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct DatasetArgs {
    #[command(subcommand)]
    command: DatasetCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum DatasetCommand {
    Add(DatasetAddArgs),
}

/// Add turns to a dataset
///
/// Each turn becomes one item: the conversation up to its prompt is the input, its answer the expected output, with a link
/// to its trace. Adding an unchanged turn again changes nothing.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
struct DatasetAddArgs {
    /// Transcript or session id prefix, with #N or #A..B for turns
    #[arg(value_name = "PATH|SESSION[#TURN]", value_parser = session_ref::parse)]
    session: SessionRef,
    /// Name of the dataset
    #[arg(long, value_name = "NAME")]
    dataset: String,
    /// Expected output instead of the answer: a text or JSON file
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Create the dataset if it is missing
    #[arg(long)]
    create: bool,
    /// Print the items, one per line, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object per item
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the session or its turn can't be found, or nothing can be printed.
pub(super) fn run(args: &DatasetArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let DatasetCommand::Add(args) = &args.command;
    with_json_errors(args.json, || add(args, global))
}

fn add(args: &DatasetAddArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let reference = &args.session;
    let (session, config) = session_args::open_named(&mut context, &reference.session)?;
    if let Some(reason) = invalid_patterns(&config).or_else(|| metadata_only(&config)) {
        return Err(error(args, ExitStatus::Misconfigured, reason));
    }
    let turns = answered_turns(args, &session)?;
    let dataset = args.dataset.as_str();
    let expected = args.expected.as_deref();
    let roots = turn_roots(&session, &config)?;
    let mut items = DatasetItemBuilder::new(dataset, &session, &config, roots, expected)?;
    if args.dry_run {
        for (turn, calls) in &turns {
            writeln!(exact_stdout(), "{}", items.build(turn, calls)?.body)?;
        }
        return Ok(ExitStatus::Done);
    }
    let unusable = |problem| error(args, ExitStatus::Misconfigured, problem);
    let destination = config.destination.as_ref().map_err(unusable)?;
    warn_if_unsent(&session, &config, destination, &reference.session);
    let mut server = DatasetClient {
        client: context.client(&config, destination)?,
        config: &config,
        destination,
    };
    send_items(args, &session, &turns, &mut items, &mut server)
}

fn send_items(
    args: &DatasetAddArgs,
    session: &SessionTarget,
    turns: &[(DatasetTurn, Calls)],
    items: &mut DatasetItemBuilder<'_>,
    server: &mut DatasetClient<'_>,
) -> Result<ExitStatus> {
    let destination = server.destination;
    let failed = |reply: Verdict| {
        let (reason, status) = failure(&reply, destination);
        error(args, status, reason)
    };
    if !server.ensure_dataset(args).map_err(failed)? {
        let reason = format!("dataset {} not found; --create creates it", args.dataset);
        return Err(error(args, ExitStatus::Failed, reason));
    }
    for (turn, calls) in turns {
        let DatasetItem { body, trace } = items.build(turn, calls)?;
        let length = body.to_string().len();
        if length > MAX_ITEM_BYTES {
            let reason = format!(
                "turn {} has {length} bytes and the server accepts {MAX_ITEM_BYTES}; set a smaller CC_LANGFUSE_MAX_CHARS",
                turn.number
            );
            return Err(error(args, ExitStatus::ContentRejected, reason));
        }
        let put = server.put(&body).map_err(failed)?;
        print_result(args, session, turn, put, &body, &destination.trace_link(&trace))?;
    }
    Ok(ExitStatus::Done)
}

/// The selected turns that a model answered.
fn answered_turns(
    args: &DatasetAddArgs,
    session: &SessionTarget,
) -> Result<Vec<(DatasetTurn, Calls)>> {
    let reference = &args.session;
    let turns: Vec<DatasetTurn> =
        own_turns(read_outline(session)?).into_iter().map(DatasetTurn::from).collect();
    let numbers: Vec<u64> = turns.iter().map(|turn| turn.number).collect();
    session_args::check_turns(reference, &numbers)?;
    let mut answered = Vec::new();
    for mut turn in turns {
        if !reference.turns.contains(turn.number) {
            continue;
        }
        match turn.calls.take() {
            Some(calls) => answered.push((turn, calls)),
            None if reference.turns.single().is_some() => {
                bail!(
                    "could not add turn {}: no model answered it; 'claude-langfuse show {}' lists all turns",
                    turn.number,
                    reference.session
                )
            }
            None => log::info!("turn {} is skipped: no model answered it", turn.number),
        }
    }
    if answered.is_empty() {
        bail!("could not add session {}: no model answered in it", session.id);
    }
    if args.expected.is_some() && answered.len() > 1 {
        let turns = plural(answered.len(), "turn");
        bail!("could not use --expected for {turns}: name one, e.g. {}#1", reference.session);
    }
    Ok(answered)
}

/// Requests to the dataset API.
struct DatasetClient<'a> {
    client: Client,
    config: &'a Config,
    destination: &'a Destination,
}

impl DatasetClient<'_> {
    /// Returns whether the dataset exists; creates it with `--create`.
    fn ensure_dataset(&mut self, args: &DatasetAddArgs) -> Result<bool, Verdict> {
        let name = &args.dataset;
        if self.with_retry_after(|client, deadline| client.has_dataset(name, deadline))? {
            return Ok(true);
        }
        if args.create {
            self.with_retry_after(|client, deadline| client.make_dataset(name, deadline))?;
        }
        Ok(args.create)
    }

    fn put(&mut self, item: &Value) -> Result<Put, Verdict> {
        self.with_retry_after(|client, deadline| client.put_item(item, deadline))
    }

    fn with_retry_after<Response>(
        &mut self,
        mut request: impl FnMut(&mut Client, Deadline) -> Result<Response, Verdict>,
    ) -> Result<Response, Verdict> {
        with_retry_after(|| request(&mut self.client, Deadline::after(self.config.timeout)))
    }
}

fn error(args: &DatasetAddArgs, status: ExitStatus, reason: impl Display) -> anyhow::Error {
    status_error(status, format!("could not add to dataset {}: {reason}", args.dataset))
}

fn print_result(
    args: &DatasetAddArgs,
    session: &SessionTarget,
    turn: &DatasetTurn,
    put: Put,
    item: &Value,
    link: &str,
) -> io::Result<()> {
    let (state, phrase) = match put {
        Put::Added => ("added", "added to"),
        Put::Changed => ("changed", "changed in"),
        Put::Unchanged => ("unchanged", "is in"),
    };
    let (dataset, number) = (&args.dataset, turn.number);
    if args.json {
        return print_json(
            JsonLine::DatasetItem,
            json!({
                "dataset": dataset, "item": item.get("id"), "session": session.id, "turn": number,
                "state": state, "link": link,
            }),
        );
    }
    let mut out = stdout();
    writeln!(out, "turn {number} of session {}: {phrase} {dataset}", session.id)?;
    writeln!(out, "{link}")
}
