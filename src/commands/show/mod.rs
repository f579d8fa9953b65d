//! `show`: a session as a tree, with the request and outcome of each tool, and its tokens beside Claude Code's own
//! count.

mod html;
mod line;
mod totals;
mod tree;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use transcript::SessionInfo;

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{
    OutputFile, Terminal, broken_lines, for_people, merged, print_json, stdout, untimed_rows,
};
use crate::commands::preview::each_span;
use crate::commands::session_args;
use crate::commands::session_ref::{self, SessionRef, TurnSelection};
use crate::config::{Config, Scope};
use crate::delivery::{Extent, Report};
use crate::langfuse::{PricedCall, Prices, Span};
use crate::privacy::Policy;
use crate::state::Store;
use html::{Content, Contents, Page};
use line::ObservationLine;
use totals::TokenTotals;
use tree::{ObservationTree, Selection, Subtotal};

const EXAMPLES: &str = "Examples:
  claude-langfuse show                   the newest session; within Claude Code its newest turn
  claude-langfuse show 3f2a              one session, by the start of its id
  claude-langfuse show 3f2a#2            its second turn
  claude-langfuse show 3f2a#2..5         a range of turns
  claude-langfuse show 3f2a --failed     what failed, was denied or stopped
  claude-langfuse show 3f2a --html a.html  a page for a browser: waterfall, zoom, whole contents
  claude-langfuse show 3f2a --json | jq 'select(.type == \"tool\") | .name'

Exit codes: 0 shown, 1 session or turn not found, 2 wrong usage, 3 configuration missing or invalid.";

/// Show a session as a tree of turns, model calls and tools
///
/// Prints what 'replay' would send, after masking: per line the time, the tokens and the cost with everything below it, what a
/// tool was asked or a model answered, and how it ended. Compares the tokens with Claude Code's own count. Costs are those
/// that Langfuse computes, once 'doctor' has read its prices. Sends nothing and needs no keys. In a command that Claude Code
/// runs, the default is the newest turn of its session that is over.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShowArgs {
    /// Transcript or session id prefix, with #N or #A..B [default: newest]
    #[arg(value_name = "PATH|SESSION", value_parser = session_ref::parser())]
    session: Option<SessionRef>,
    /// Show only this turn (same as #N)
    #[arg(long, value_name = "N")]
    turn: Option<u64>,
    /// Show only what failed, was denied or stopped
    #[arg(long)]
    failed: bool,
    /// Show whole inputs and outputs
    #[arg(long)]
    full: bool,
    /// Write one HTML page with everything; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "full"])]
    html: Option<PathBuf>,
    /// Print JSON: one object per observation, and a summary
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the session can't be found, read or printed.
pub(super) fn run(args: &ShowArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let mut reference = selected_turns(args)?;
    let (transcript, is_current) = find_transcript(args, &reference, &context)?;
    let (session, config) =
        session_args::open(&mut context, &transcript, Extent::Resend, Scope::Explicit)?;
    let mut tree = ObservationTree::default();
    let mut totals = TokenTotals::default();
    let prices = prices(&config);
    let start = session.start.as_deref().and_then(Path::to_str);
    let mut contents = Contents::new();
    let report = each_span(&session, &config, |span| {
        if args.html.is_some() {
            contents.insert(span.span_id().to_owned(), Content::of(&span));
        }
        let mut line = ObservationLine::of(&span, start, args.full);
        line.cost = prices.as_ref().and_then(|prices| cost(&span, prices));
        tree.lines.push(line);
        Ok(())
    })?;
    if is_current && args.turn.is_none() {
        let over = tree.newest_turn_over().context("could not show: no turn is over yet")?;
        reference.turns = TurnSelection::one(over);
    }
    session_args::check_turns(&reference, &tree.turns())?;
    let selection = Selection { turns: reference.turns, failed: args.failed };
    let selected = tree.spans_of(selection);
    let is_selected = |span: &str| selected.contains(span);
    tree.lines.iter().filter(|line| is_selected(&line.span_id)).for_each(|line| totals.add(line));
    if reference.turns.is_all() && !args.failed {
        totals.reported = SessionInfo::read(&transcript)?.reckoning;
    }
    if args.json {
        print_observations(&session, &config, &tree.subtotals(), &is_selected)?;
        let summary = json!({
            "session": session.id, "turns": tree.turns().len(), "in_progress": report.unfinished,
            "broken_lines": report.diagnostics.broken_lines,
        });
        print_json("summary", merged(summary, totals.as_json()))?;
        return Ok(ExitStatus::Done);
    }
    let notes = notes(&tree, &report);
    if let Some(path) = &args.html {
        let mut project = start.unwrap_or_default().to_owned();
        Policy::from(&config).apply_to_name(&mut project);
        let (contents, totals) = (&contents, &totals.rows());
        let (session, tree, project, notes) = (&session.id, &tree, &project, &notes);
        let page = Page { session, project, tree, selection, contents, notes, totals };
        return write_page(&page, path);
    }
    let terminal = Terminal::of_stdout(&context.env);
    let mut out = stdout();
    print_header(&mut out, terminal, &session)?;
    notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
    tree.print(&mut out, terminal, selection)?;
    match args.failed {
        false => totals.print(&mut out, terminal)?,
        true if selected.is_empty() => writeln!(out, "nothing failed")?,
        true => {}
    }
    Ok(ExitStatus::Done)
}

/// The transcript. Also whether it is the session in which Claude Code runs this command.
fn find_transcript(
    args: &ShowArgs,
    reference: &SessionRef,
    context: &DeliveryContext,
) -> Result<(PathBuf, bool)> {
    if args.session.is_some() {
        let claude_config = session_args::claude_config_dir(&context.env)?;
        return Ok((session_args::find_one(&reference.session, &claude_config)?, false));
    }
    Ok(match session_args::current(context)? {
        Some(current) => (current, true),
        None => (session_args::newest(context)?, false),
    })
}

fn write_page(page: &Page<'_>, path: &Path) -> Result<ExitStatus> {
    let mut file = OutputFile::open(Some(path))?;
    page.print(&mut file)?;
    file.finish()?;
    Ok(ExitStatus::Done)
}

/// The prices of the session's destination, if they were read.
fn prices(config: &Config) -> Option<Prices> {
    let destination = config.destination.as_ref().ok()?.id();
    let stored = Store::new(&config.state_dir).prices(&destination)?;
    Some(Prices::new(stored.list))
}

fn cost(span: &Span, prices: &Prices) -> Option<f64> {
    let usage = span.usage();
    let counts = usage.as_object()?.iter();
    let counts = counts.filter_map(|(kind, count)| Some((kind.as_str(), count.as_u64()?)));
    let parameters = span.attribute("langfuse.observation.model.parameters").unwrap_or_default();
    let parameters: Value = serde_json::from_str(parameters).unwrap_or_default();
    let texts = parameters.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    prices.cost(PricedCall {
        model: span.attribute("langfuse.observation.model.name")?,
        at: span.start(),
        usage: &counts.collect(),
        parameters: &texts.collect::<Vec<_>>(),
    })
}

/// The turn is given behind the session or by `--turn`.
fn selected_turns(args: &ShowArgs) -> Result<SessionRef> {
    let mut reference = args.session.clone().unwrap_or_default();
    if let Some(turn) = args.turn {
        if !reference.turns.is_all() {
            bail!("could not select a turn: use either #N or --turn, not both");
        }
        reference.turns = TurnSelection::one(turn);
    }
    Ok(reference)
}

fn print_header(
    out: &mut impl Write,
    terminal: Terminal,
    session: &SessionTarget,
) -> io::Result<()> {
    let project = session.start.as_deref().map(|start| start.display().to_string());
    let line = format!("session {}  {}", session.id, for_people(&project.unwrap_or_default()));
    writeln!(out, "{}", terminal.bold(&terminal.fit(line.trim_end())))
}

/// Notes about parts that the tree lacks.
fn notes(tree: &ObservationTree, report: &Report) -> Vec<String> {
    let nothing = tree.lines.is_empty().then(|| "no turns of its own to send".to_owned());
    let open = "the last turn is still open: only its complete observations are shown";
    let open = report.unfinished.then(|| open.to_owned());
    let diagnostics = &report.diagnostics;
    let skipped = [broken_lines(diagnostics), untimed_rows(diagnostics)].into_iter().flatten();
    nothing.into_iter().chain(skipped).chain(open).collect()
}

/// Prints one JSON object per observation, with all of its sent fields.
fn print_observations(
    session: &SessionTarget,
    config: &Config,
    subtotals: &BTreeMap<&str, Subtotal>,
    is_selected: &dyn Fn(&str) -> bool,
) -> Result<Report> {
    let mut out = stdout();
    each_span(session, config, |span| {
        if is_selected(span.span_id()) {
            writeln!(out, "{}", observation(&span, subtotals.get(span.span_id())))
        } else {
            Ok(())
        }
    })
}

fn observation(span: &Span, subtotal: Option<&Subtotal>) -> Value {
    let object = json!({
        "schema": 1, "trace": span.trace_id(), "id": span.span_id(), "parent": span.parent(),
        "name": span.name(), "start": span.start().rfc3339(), "end": span.end().rfc3339(),
    });
    let mut details: Map<String, Value> = Map::new();
    for (key, value) in span.attributes_below("langfuse.observation.") {
        if !key.contains('.') && key != "usage_details" {
            details.insert(key.to_owned(), value.into());
        }
    }
    if let Some(model) = span.attribute("langfuse.observation.model.name") {
        details.insert("model".to_owned(), model.into());
        details.insert("usage".to_owned(), span.usage());
    }
    let took = u64::try_from(span.end().since(span.start()).as_millis()).unwrap_or(u64::MAX);
    details.insert("milliseconds".to_owned(), took.into());
    let subtotal = subtotal.copied().unwrap_or_default();
    details.insert("tokens".to_owned(), subtotal.tokens.into());
    details.insert("cost_usd".to_owned(), json!(subtotal.has_cost.then_some(subtotal.cost)));
    let metadata: Map<String, Value> = span
        .attributes_below("langfuse.trace.metadata.")
        .chain(span.attributes_below("langfuse.observation.metadata."))
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    details.insert("metadata".to_owned(), metadata.into());
    merged(object, details.into())
}
