//! `tools`: the outcomes of tool calls, by tool, MCP server, skill, agent type, project and more.

mod lists;
mod output;

use std::path::PathBuf;
use std::rc::Rc;

use anyhow::Result;
use clap::Args;

use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::Terminal;
use crate::commands::session_facts::{By, FactsFilter, SelectedSessions, Session, StartFacts};
use crate::usage::{Dimension, Groups, Highlights, ToolSums};
use lists::Lists;
use output::ToolsOutput;

const EXAMPLES: &str = "Examples:
  claude-langfuse tools                            by tool
  claude-langfuse tools --by server --since 7d     MCP servers, this week
  claude-langfuse tools --by project,tool --json | jq 'select(.failed > 0)'

Exit codes: 0 printed, 1 Claude Code's folder not found, 2 wrong usage.";

/// Show how tool calls of the sessions on disk went
///
/// Counts calls, failures and denials, with the time that half of the calls (P50) and 95 % of them (P95) did not exceed, and the
/// characters that the model got. Below: files read again unchanged, calls repeated after a failure, and the largest results.
///
/// Dimensions: tool, server, skill, agent-type, project, day, week, month, model, branch, commit, pr, session, version, effort,
/// instructions.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ToolsArgs {
    /// Group by one or two dimensions (tool, server, …)
    #[arg(long, value_name = "WHAT[,WHAT]", default_value = "tool", value_parser = parse_by)]
    by: By,
    #[command(flatten)]
    filter: FactsFilter,
    /// Print one JSON object per group, the total, and the lists
    #[arg(long)]
    json: bool,
}

fn parse_by(text: &str) -> Result<By, String> {
    By::parse(text, Dimension::OF_TOOLS)
}

/// Runs the command.
///
/// # Errors
/// When Claude Code's folder is not known, or nothing can be printed.
pub(super) fn run(args: &ToolsArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let by = args.by.0.clone();
    let mut sessions = SelectedSessions::new(global.config.clone(), &args.filter)?;
    let (mut groups, mut total) = (Groups::<ToolSums>::new(by), Groups::new(Vec::new()));
    let mut highlights = Highlights::default();
    let mut sources: Vec<(PathBuf, Rc<StartFacts>)> = Vec::new();
    sessions.each(|session| {
        let Session { id, path, start, facts } = session;
        let covered = || facts.tools.iter().filter(|tool| args.filter.covers(tool.called_at));
        for groups in [&mut groups, &mut total] {
            groups.add_tools(&id, &start.project, &facts, covered());
        }
        covered().for_each(|tool| highlights.add(sources.len(), tool));
        sources.push((path.to_owned(), start));
    });
    let lists = Lists::read(&highlights, &sources);
    let output =
        ToolsOutput { groups, total: total.sums.remove(&Vec::new()).unwrap_or_default(), lists };
    if args.json {
        output.print_json()?
    } else {
        output.print_table(Terminal::of_stdout(&sessions.context.env))?
    }
    Ok(ExitStatus::Done)
}
