//! `usage`: tokens and cost of sessions on disk, by project, time, model, branch, commit and more.

mod output;
mod verify;

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use transcript::locate;

use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::Terminal;
use crate::commands::session_facts::{By, FactsFilter, SelectedSessions, Session};
use crate::usage::{CallSums, Dimension, Groups, reported_cost};
use output::UsageOutput;

const EXAMPLES: &str = "Examples:
  claude-langfuse usage                             by project
  claude-langfuse usage --by day --since 7d         the last week, by local day
  claude-langfuse usage --by commit --project .     what each commit cost
  claude-langfuse usage --by project,model --json | jq .cost_usd
  claude-langfuse usage --verify --since 7d         calls, tokens and cost here and in Langfuse

Exit codes: 0 printed, 1 Claude Code's folder not found or a difference, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected.";

/// Sum up tokens and cost of the sessions on disk
///
/// Reads transcripts alone. Costs are those that Langfuse computes: tokens times the prices of the session's destination, which
/// 'doctor' reads and keeps. A turn counts for the last commit (or pull request) that it made, else for the next one of its
/// session; a subagent counts for the turn that launched it. Forks and copies count once. Days are local. --verify reads the
/// prices again, and compares the sessions that were sent from here with Langfuse's own sums.
///
/// Dimensions: project, day, week, month, model, branch, commit, pr, session, agent-type, version, effort, instructions.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UsageArgs {
    /// Group by one or two dimensions (project, model, …)
    #[arg(long, value_name = "WHAT[,WHAT]", default_value = "project", value_parser = parse_by)]
    by: By,
    #[command(flatten)]
    filter: FactsFilter,
    /// Compare with what Langfuse has stored, by model
    #[arg(long, conflicts_with = "by")]
    verify: bool,
    /// Print one JSON object per group, and the total
    #[arg(long)]
    json: bool,
}

fn parse_by(text: &str) -> Result<By, String> {
    By::parse(text, Dimension::OF_CALLS)
}

/// Runs the command.
///
/// # Errors
/// When Claude Code's folder is not known, or nothing can be printed.
pub(super) fn run(args: &UsageArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    if args.verify {
        return verify::verify(args, global);
    }
    let by = args.by.0.clone();
    let is_by_session = by.contains(&Dimension::Session);
    let mut sessions = SelectedSessions::new(global.config.clone(), &args.filter)?;
    let claude_config = sessions.claude_config.clone();
    let (mut groups, mut total) = (Groups::<CallSums>::new(by), Groups::new(Vec::new()));
    let mut claude_code_usd = BTreeMap::new();
    sessions.each(|session| {
        let Session { id, start, facts, .. } = session;
        let prices = start.prices.as_deref();
        for groups in [&mut groups, &mut total] {
            let calls = facts.calls.iter().filter(|call| args.filter.covers(call.started_at));
            groups.add_calls(&id, &start.project, &facts, calls, prices);
        }
        if is_by_session {
            let parent = facts.parent.as_ref();
            let parent = parent.and_then(|id| locate::sessions_by_prefix(&claude_config, id).pop());
            let cost = reported_cost(&facts, parent.as_deref());
            claude_code_usd.extend(cost.map(|cost| (id, cost)));
        }
    });
    let output = UsageOutput {
        groups,
        total: total.sums.remove(&Vec::new()).unwrap_or_default(),
        claude_code_usd: is_by_session.then_some(claude_code_usd),
        price_date: sessions.price_date(),
    };
    if args.json {
        output.print_json()?
    } else {
        output.print_table(Terminal::of_stdout(&sessions.context.env))?
    }
    Ok(ExitStatus::Done)
}
