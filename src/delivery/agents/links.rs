//! Links an agent to the call that launched it. Releases name that call in different places. An agent under the wrong
//! call is worse than one that waits.

use base::Timestamp;
use transcript::locate::{AgentFile, Layout};
use transcript::session::Opening;
use transcript::text_of;

use super::super::Job;
use super::super::contexts::AgentContext;
use super::super::exporter::Exporter;
use super::files::{first_row, is_by_command, opening};
use crate::state::{Cursor, Link, PendingLaunch};
use crate::trace::{Context, SpanId, digest};

/// The prompt of agents that 2.0.76 starts for itself, to fill caches.
const WARMUP: &str = "Warmup";

/// Links the agent by its meta file, by the call's result, or by its prompt.
pub(super) fn link(file: &AgentFile, exporter: &mut Exporter<'_>) -> Option<Link> {
    let cursor = &mut exporter.ledger.cursor;
    let subagent = cursor.subagents.get(&file.agent_id)?;
    if subagent.link.is_some() {
        return subagent.link.clone();
    }
    if let (None, Some(run_id)) = (&subagent.tool_use_id, file.workflow()) {
        return link_to_workflow(file, &run_id, cursor);
    }
    // Hundreds of agents of skipped turns may wait: their files are not opened.
    if cursor.launches.is_empty() && cursor.layout.is_some_and(Layout::is_below) {
        return None;
    }
    let tool_use_id = subagent.tool_use_id.clone().or_else(|| file.meta().tool_use_id);
    let key = match &tool_use_id {
        Some(tool_use_id) => launch_by_id(file, tool_use_id, exporter.job, cursor),
        None => {
            launch_by_result(file, cursor).or_else(|| launch_by_prompt(file, exporter.job, cursor))
        }
    };
    if let Some(key) = key
        && let Some(launch) = cursor.launches.get(&key).cloned()
    {
        return claim(file, key, launch, cursor);
    }
    if tool_use_id.is_some() { None } else { link_warmup(file, exporter) }
}

/// Links an agent to a launch. `key`: the tool call, if one launched it.
fn claim(
    file: &AgentFile,
    key: String,
    launch: PendingLaunch,
    cursor: &mut Cursor,
) -> Option<Link> {
    let is_by_tool = launch.is_by_tool();
    let link = Link { turn: launch.turn, span: Some(launch.span) };
    let subagent = cursor.subagents.get_mut(&file.agent_id)?;
    if is_by_tool {
        subagent.tool_use_id = Some(launch.tool_use_id.unwrap_or(key));
    }
    subagent.used_ids = launch.used_ids;
    subagent.agent_type = launch.agent_type;
    subagent.launcher = launch.launcher;
    subagent.link = Some(link.clone());
    subagent.finished |= launch.finished;
    subagent.outcome = subagent.outcome.take().or(launch.outcome);
    subagent.declined |= launch.declined;
    Some(link)
}

/// The agents of a workflow are in the folder of its run, which is their only link.
fn link_to_workflow(file: &AgentFile, run_id: &str, cursor: &mut Cursor) -> Option<Link> {
    let run = cursor.subagents.get(run_id)?;
    let (finished, declined) = (run.finished, run.declined);
    let turn = run.link.as_ref()?.turn.clone();
    let span = cursor.span_ids(&turn).workflow(run_id);
    let link = Link { turn, span: Some(span) };
    let subagent = cursor.subagents.get_mut(&file.agent_id)?;
    subagent.link = Some(link.clone());
    subagent.finished |= finished;
    subagent.declined |= declined;
    Some(link)
}

/// The launch by a tool call with this id. Some providers give one id to calls of different answers. Then the call's
/// result decides, or the prompt.
fn launch_by_id(file: &AgentFile, tool_use_id: &str, job: &Job, cursor: &Cursor) -> Option<String> {
    let launches = cursor.launches.iter();
    let named = launches
        .filter(|(key, launch)| launch.tool_use_id.as_ref().unwrap_or(key) == tool_use_id)
        .collect::<Vec<_>>();
    if let [(key, _)] = named.as_slice() {
        return Some((*key).clone());
    }
    let of_agent =
        named.iter().find(|(_, launch)| launch.agent_id.as_ref() == Some(&file.agent_id));
    if let Some((key, _)) = of_agent {
        return Some((*key).clone());
    }
    let asked = digest(text_of(&opening(file, job)?.prompt.content).as_bytes());
    let is_asked = |launch: &PendingLaunch| launch.prompt.as_ref() == Some(&asked);
    let mut open = named
        .into_iter()
        .filter(|(_, launch)| launch.agent_id.is_none() && !is_claimed(&launch.span, cursor));
    open.find(|(_, launch)| is_asked(launch)).map(|(key, _)| key.clone())
}

fn launch_by_result(file: &AgentFile, cursor: &Cursor) -> Option<String> {
    let named = |launch: &PendingLaunch| launch.agent_id.as_ref() == Some(&file.agent_id);
    let mut launches = cursor.launches.iter();
    launches.find(|(_, launch)| named(launch)).map(|(tool_use_id, _)| tool_use_id.clone())
}

/// The only link of 2.1.50 for a call without result: the first unclaimed call with the same prompt.
fn launch_by_prompt(file: &AgentFile, job: &Job, cursor: &Cursor) -> Option<String> {
    let asked = digest(text_of(&opening(file, job)?.prompt.content).as_bytes());
    let fits = |launch: &PendingLaunch| {
        launch.agent_id.is_none()
            && launch.prompt.as_ref() == Some(&asked)
            && !is_claimed(&launch.span, cursor)
    };
    let mut launches = cursor.launches.iter();
    launches.find(|(_, launch)| fits(launch)).map(|(tool_use_id, _)| tool_use_id.clone())
}

/// Links the agent of each command that ran apart: the first one of its prompt. That agent launched any others.
pub(super) fn link_commands(files: &[AgentFile], cursor: &mut Cursor) {
    let launches = cursor.launches.iter();
    let commands: Vec<String> = launches
        .filter(|(_, launch)| launch.prompt_id.is_some() && !is_claimed(&launch.span, cursor))
        .map(|(key, _)| key.clone())
        .collect();
    if commands.is_empty() {
        return;
    }
    let mut found: Vec<(Option<Timestamp>, &AgentFile, String)> = files
        .iter()
        .filter(|file| may_be_of_command(file, cursor))
        .filter_map(|file| {
            let row = first_row(file)?;
            let prompt_id = row.header.prompt_id?;
            commands.contains(&prompt_id).then_some((row.at, file, prompt_id))
        })
        .collect();
    found.sort_unstable_by_key(|(at, file, _)| (*at, file.agent_id.clone()));
    for (_, file, prompt_id) in found {
        let launch = cursor.launches.get(&prompt_id).cloned();
        if let Some(launch) = launch.filter(|launch| !is_claimed(&launch.span, cursor)) {
            claim(file, prompt_id, launch, cursor);
        }
    }
}

fn may_be_of_command(file: &AgentFile, cursor: &Cursor) -> bool {
    let subagent = cursor.subagents.get(&file.agent_id);
    subagent.is_some_and(|subagent| subagent.link.is_none() && subagent.tool_use_id.is_none())
        && is_by_command(&file.meta())
}

fn is_claimed(span: &SpanId, cursor: &Cursor) -> bool {
    let mut links = cursor.subagents.values().filter_map(|subagent| subagent.link.as_ref());
    links.any(|link| link.span.as_ref() == Some(span))
}

/// Gives an agent without a tool call a trace of its own, so that its cost is visible. Such an agent runs at the
/// start of a session, and is unwanted if that part was skipped.
fn link_warmup(file: &AgentFile, exporter: &mut Exporter<'_>) -> Option<Link> {
    let cursor = &exporter.ledger.cursor;
    if cursor.layout.is_some_and(Layout::is_below) || !cursor.skipped.is_empty() {
        return None;
    }
    let opening = opening(file, exporter.job)?;
    if text_of(&opening.prompt.content) != WARMUP {
        return None;
    }
    give_trace(file, &opening, Context::of_warmup, exporter)
}

/// Makes the agent the root of a trace.
pub(super) fn give_trace(
    file: &AgentFile,
    opening: &Opening,
    context_of: AgentContext,
    exporter: &mut Exporter<'_>,
) -> Option<Link> {
    exporter.contexts.keep_of_agent(opening, context_of, &mut exporter.ledger);
    let link = Link { turn: opening.uuid.clone(), span: None };
    let subagent = exporter.ledger.cursor.subagents.get_mut(&file.agent_id)?;
    subagent.link = Some(link.clone());
    subagent.finished = true;
    Some(link)
}
