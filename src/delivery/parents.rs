//! Which tool call launched an agent. Releases say it in different places, and one that is sent under the wrong call is
//! worse than one that waits.

use std::path::Path;
use std::rc::Rc;

use transcript::locate::{AgentFile, Layout};
use transcript::session::Opening;
use transcript::{Block, Record, ToolUse, Transcript, text_of};

use super::run::Delivery;
use crate::state::{Link, PendingLaunch, Subagent};
use crate::trace::{Context, digest};

/// What 2.0.76 asks the agents that it starts for itself, to fill caches.
const WARMUP: &str = "Warmup";

impl Delivery<'_> {
    /// Where the agent belongs: by its meta file, by the call's result, by what it was asked.
    pub(super) fn link(&mut self, file: &AgentFile) -> Option<Link> {
        let subagent = self.ledger.cursor.subagents.get(&file.agent_id)?;
        if subagent.link.is_some() {
            return subagent.link.clone();
        }
        if let (None, Some(run_id)) = (&subagent.tool_use_id, file.workflow()) {
            return self.link_to_workflow(file, &run_id);
        }
        // Hundreds of agents of turns that were passed over may wait: no look into their files.
        if !self.ledger.cursor.launches.is_empty()
            || self.ledger.cursor.layout != Some(Layout::Below)
        {
            let tool_use_id = subagent.tool_use_id.clone().or_else(|| file.meta().tool_use_id);
            let key = match &tool_use_id {
                Some(tool_use_id) => self.launch_by_id(file, tool_use_id),
                None => self.launch_by_result(file).or_else(|| self.launch_by_prompt(file)),
            };
            if let Some(key) = key
                && let Some(launch) = self.ledger.cursor.launches.get(&key).cloned()
            {
                return self.claim(file, key, launch);
            }
            if tool_use_id.is_none()
                && let Some(link) = self.warmup(file)
            {
                return Some(link);
            }
        }
        None
    }

    /// Takes an agent for the one that was launched so. `key`: the tool call, where one launched it.
    pub(super) fn claim(
        &mut self,
        file: &AgentFile,
        key: String,
        launch: PendingLaunch,
    ) -> Option<Link> {
        let is_by_tool = launch.is_by_tool();
        let link = Link { turn: launch.turn, span: Some(launch.span) };
        let subagent = self.ledger.cursor.subagents.get_mut(&file.agent_id)?;
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

    /// The agents of a workflow lie in the folder of its run; only that links them.
    fn link_to_workflow(&mut self, file: &AgentFile, run_id: &str) -> Option<Link> {
        let run = self.ledger.cursor.subagents.get(run_id)?;
        let (finished, declined) = (run.finished, run.declined);
        let turn = run.link.as_ref()?.turn.clone();
        let span = self.ledger.cursor.span_ids(&turn).workflow(run_id);
        let link = Link { turn, span: Some(span) };
        let subagent = self.ledger.cursor.subagents.get_mut(&file.agent_id)?;
        subagent.link = Some(link.clone());
        subagent.finished |= finished;
        subagent.declined |= declined;
        Some(link)
    }

    /// The launch by a tool call with this id. Some providers give the same id to calls of different answers; then the call's
    /// result tells, or what was asked.
    fn launch_by_id(&self, file: &AgentFile, tool_use_id: &str) -> Option<String> {
        let launches = self.ledger.cursor.launches.iter();
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
        let asked = digest(text_of(&self.opening(file)?.prompt.content).as_bytes());
        let is_asked = |launch: &PendingLaunch| launch.prompt.as_ref() == Some(&asked);
        let mut open = named
            .into_iter()
            .filter(|(_, launch)| launch.agent_id.is_none() && !self.is_claimed(&launch.span));
        open.find(|(_, launch)| is_asked(launch)).map(|(key, _)| key.clone())
    }

    fn launch_by_result(&self, file: &AgentFile) -> Option<String> {
        let named = |launch: &PendingLaunch| launch.agent_id.as_ref() == Some(&file.agent_id);
        let mut launches = self.ledger.cursor.launches.iter();
        launches.find(|(_, launch)| named(launch)).map(|(tool_use_id, _)| tool_use_id.clone())
    }

    /// The only link that 2.1.50 leaves for a call without result: the first unclaimed call with the same prompt.
    fn launch_by_prompt(&self, file: &AgentFile) -> Option<String> {
        let asked = digest(text_of(&self.opening(file)?.prompt.content).as_bytes());
        let fits = |launch: &PendingLaunch| {
            launch.agent_id.is_none()
                && launch.prompt.as_ref() == Some(&asked)
                && !self.is_claimed(&launch.span)
        };
        let mut launches = self.ledger.cursor.launches.iter();
        launches.find(|(_, launch)| fits(launch)).map(|(tool_use_id, _)| tool_use_id.clone())
    }

    /// An agent that belongs to no tool call is a trace of its own, so that its cost is not hidden. It runs at the start of
    /// a session: not wanted where that was passed over.
    fn warmup(&mut self, file: &AgentFile) -> Option<Link> {
        if self.ledger.cursor.layout == Some(Layout::Below)
            || !self.ledger.cursor.skipped.is_empty()
        {
            return None;
        }
        let opening = self.opening(file)?;
        if text_of(&opening.prompt.content) != WARMUP {
            return None;
        }
        self.give_trace(file, opening, Context::of_warmup)
    }

    /// The row by which an agent begins.
    fn opening(&self, file: &AgentFile) -> Option<Opening> {
        let transcript = Transcript::open(&file.path, 0).ok()?;
        let mut transcript = transcript.keeping(self.job.policy.max_chars).timed();
        let entry = transcript.next_entry().ok()??;
        let is_prompt = matches!(entry.record, Record::Prompt(_));
        Opening::of_agent(entry).filter(|_| is_prompt)
    }
}

/// The tool call that launched an agent, as its row has it.
pub(super) fn launching_call(
    subagent: &Subagent,
    file: &AgentFile,
    session: &Path,
) -> Option<Rc<ToolUse>> {
    let launcher = subagent.launcher.as_ref()?;
    let path = match &launcher.agent_id {
        Some(agent_id) => file.path.with_file_name(format!("agent-{agent_id}.jsonl")),
        None => session.to_owned(),
    };
    let mut transcript = Transcript::open(&path, launcher.offset).ok()?;
    let Record::Assistant(answer) = transcript.next_entry().ok()??.record else {
        return None;
    };
    answer.blocks.into_iter().find_map(|block| match block {
        Block::ToolUse(call) if Some(&call.id) == subagent.tool_use_id.as_ref() => Some(call),
        _ => None,
    })
}
