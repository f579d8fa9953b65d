//! `dataset add`: saves turns as items of a Langfuse dataset.

mod item;
mod rerun;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use transcript::session::TurnOutline;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, status_error};
use crate::commands::export::{metadata_only, own_turns, read_outline};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{exact_stdout, plural, print_error, print_json, print_note, stdout};
use crate::commands::remedy::failure;
use crate::commands::retry_after::RetryingClient;
use crate::commands::session_args;
use crate::commands::session_ref::SessionRef;
use crate::commands::turn_roots::{turn_roots, warn_if_unsent};
use crate::commands::turn_selector::{SelectionArgs, TurnSelector};
use crate::config::{Config, Destination, Scope};
use crate::delivery::Extent;
use crate::langfuse::{MAX_ITEM_BYTES, Put, Verdict};
use crate::privacy::invalid_patterns;
use item::{DatasetItem, DatasetItemBuilder, DatasetTurn};

const EXAMPLES: &str = "Examples:
  claude-langfuse dataset add 3f2a#2 --dataset bugs --create      one turn, in a new dataset
  claude-langfuse dataset add 3f2a --dataset bugs                 all answered turns of a session
  claude-langfuse dataset add 3f2a#2 --dataset bugs --expected answer.md
  claude-langfuse dataset add 3f2a#2..5 --dataset bugs --dry-run  print what would be sent
  claude-langfuse dataset add --all --since 30d --tests-passed --committed --dataset good
  claude-langfuse dataset add --all --scored helpful=false --dataset bugs
  claude-langfuse dataset add --all --since 7d --from-failures --dataset bugs

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
    #[command(flatten)]
    selection: SelectionArgs,
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
    let mut context = DeliveryContext::new(global.config.clone())?;
    let claude_config = session_args::claude_config_dir(&context.env)?;
    let selector = TurnSelector::new(&args.selection, &claude_config)?;
    let sessions = selector.sessions()?;
    if sessions.is_empty() {
        print_note(&selector.sessions.none_found());
    }
    let is_single = !args.selection.all && sessions.len() == 1;
    let mut run = AddRun { args, selector, is_single, server: None, added: 0 };
    let mut status = ExitStatus::Done;
    for (transcript, reference) in &sessions {
        match run.add_session(&mut context, transcript, reference) {
            Ok(()) => {}
            Err(error) if is_single || args.expected.is_some() => return Err(error),
            Err(error) => {
                let failed = ExitStatus::of_error(&error);
                // Such a server would fail for each session.
                if [ExitStatus::Unreachable, ExitStatus::KeysRejected].contains(&failed) {
                    return Err(error);
                }
                print_error(&format!("{error:#}"));
                status = status.max(failed);
            }
        }
    }
    if !sessions.is_empty() && run.added == 0 && status == ExitStatus::Done {
        print_note("no turns selected");
    }
    Ok(status)
}

struct AddRun<'a> {
    args: &'a DatasetAddArgs,
    selector: TurnSelector<'a>,
    /// Whether one session was named: what it lacks is an error.
    is_single: bool,
    /// The server that was used last, where the dataset exists.
    server: Option<DatasetClient>,
    added: usize,
}

impl AddRun<'_> {
    fn add_session(
        &mut self,
        context: &mut DeliveryContext,
        transcript: &Path,
        reference: &SessionRef,
    ) -> Result<()> {
        let args = self.args;
        let (session, config) =
            session_args::open(context, transcript, Extent::Resend, Scope::Explicit)?;
        if let Some(reason) = invalid_patterns(&config).or_else(|| metadata_only(&config)) {
            return Err(error(args, ExitStatus::Misconfigured, reason));
        }
        let turns = own_turns(read_outline(&session)?);
        let turns = self.selector.select(context, (&session, &config), reference, turns)?;
        let turns = self.answered(&session, reference, turns)?;
        if turns.is_empty() {
            return Ok(());
        }
        self.added += turns.len();
        let (dataset, expected) = (args.dataset.as_str(), args.expected.as_deref());
        let roots = turn_roots(&session, &config)?;
        let mut items = DatasetItemBuilder::new(dataset, &session, &config, roots, expected)?;
        if args.dry_run {
            for turn in &turns {
                writeln!(exact_stdout(), "{}", items.build(turn)?.body)?;
            }
            return Ok(());
        }
        let unusable = |problem| error(args, ExitStatus::Misconfigured, problem);
        let destination = config.destination.as_ref().map_err(unusable)?;
        warn_if_unsent(&session, &config, destination, self.typed(&session, reference));
        let server = self.server(context, &config, destination)?;
        send_items(args, &session, &turns, &mut items, server)
    }

    /// The turns that a model answered.
    fn answered(
        &self,
        session: &SessionTarget,
        reference: &SessionRef,
        turns: Vec<(u64, TurnOutline)>,
    ) -> Result<Vec<DatasetTurn>> {
        let mut answered = Vec::new();
        for (number, turn) in turns {
            match turn.calls {
                Some(calls) => answered.push(DatasetTurn { number, uuid: turn.uuid, calls }),
                None if reference.turns.single().is_some() => {
                    bail!(
                        "could not add turn {number}: no model answered it; 'claude-langfuse show {}' lists all turns",
                        reference.session.display()
                    )
                }
                None => log::info!("turn {number} is skipped: no model answered it"),
            }
        }
        if answered.is_empty() && self.is_single && self.args.selection.outcome.is_empty() {
            bail!("could not add session {}: no model answered in it", session.id);
        }
        if self.args.expected.is_some() && self.added + answered.len() > 1 {
            let turns = plural(self.added + answered.len(), "turn");
            bail!(
                "could not use --expected for {turns}: name one, e.g. {}#1",
                self.typed(session, reference).display()
            );
        }
        Ok(answered)
    }

    /// The session as a person named it.
    fn typed<'s>(&self, session: &'s SessionTarget, reference: &'s SessionRef) -> &'s Path {
        if self.args.selection.all { Path::new(&session.id) } else { &reference.session }
    }

    /// The server of a destination, where the dataset exists.
    fn server(
        &mut self,
        context: &DeliveryContext,
        config: &Config,
        destination: &Destination,
    ) -> Result<&mut DatasetClient> {
        let known = self.server.take().filter(|server| server.destination.id() == destination.id());
        let server = match known {
            Some(server) => server,
            None => {
                let client = context.client(config, destination)?;
                let destination = destination.clone();
                let mut server =
                    DatasetClient { client: RetryingClient::new(client, config), destination };
                server.ensure_dataset(self.args)?;
                server
            }
        };
        Ok(self.server.insert(server))
    }
}

fn send_items(
    args: &DatasetAddArgs,
    session: &SessionTarget,
    turns: &[DatasetTurn],
    items: &mut DatasetItemBuilder<'_>,
    server: &mut DatasetClient,
) -> Result<()> {
    for turn in turns {
        let DatasetItem { body, trace } = items.build(turn)?;
        let length = body.to_string().len();
        if length > MAX_ITEM_BYTES {
            let reason = format!(
                "turn {} has {length} bytes and the server accepts {MAX_ITEM_BYTES}; set a smaller CC_LANGFUSE_MAX_CHARS",
                turn.number
            );
            return Err(error(args, ExitStatus::ContentRejected, reason));
        }
        let put = server.client.ask(|client, deadline| client.put_item(&body, deadline));
        let put = put.map_err(|reply| server.failed(args, &reply))?;
        let link = server.destination.trace_link(&trace);
        print_result(args, session, turn, put, &body, &link)?;
    }
    Ok(())
}

/// Requests to the dataset API.
struct DatasetClient {
    client: RetryingClient,
    destination: Destination,
}

impl DatasetClient {
    /// Checks that the dataset exists; creates it with `--create`.
    fn ensure_dataset(&mut self, args: &DatasetAddArgs) -> Result<()> {
        let name = &args.dataset;
        let has = self.client.ask(|client, deadline| client.has_dataset(name, deadline));
        if has.map_err(|reply| self.failed(args, &reply))? {
            return Ok(());
        }
        if !args.create {
            let reason = format!("dataset {name} not found; --create creates it");
            return Err(error(args, ExitStatus::Failed, reason));
        }
        let made = self.client.ask(|client, deadline| client.make_dataset(name, deadline));
        made.map_err(|reply| self.failed(args, &reply))
    }

    fn failed(&self, args: &DatasetAddArgs, reply: &Verdict) -> anyhow::Error {
        let (reason, status) = failure(reply, &self.destination);
        error(args, status, reason)
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
        let object = json!({
            "dataset": dataset, "item": item.get("id"), "session": session.id, "turn": number,
            "state": state, "link": link,
        });
        return print_json("dataset_item", object);
    }
    let mut out = stdout();
    writeln!(out, "turn {number} of session {}: {phrase} {dataset}", session.id)?;
    writeln!(out, "{link}")
}
