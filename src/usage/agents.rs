//! Finds the turn of an agent: the one that launched it, directly or through other agents.

use std::collections::BTreeMap;

use transcript::locate::{AgentFile, AgentMeta};
use transcript::session::{Activity, AgentRun, Turn};

/// Links from agents to turns, by every id that names an agent.
#[derive(Debug, Default)]
pub(super) struct AgentLinks {
    /// By the id of the tool call, of the agent or of the workflow run. A router may give one id to several calls:
    /// such an id links nothing.
    launches: BTreeMap<String, Option<usize>>,
    /// Turns whose command ran in an agent, by the prompt's id.
    prompts: BTreeMap<String, usize>,
}

impl AgentLinks {
    pub(super) fn add_turn(&mut self, index: usize, turn: &Turn) {
        self.add_activity(index, &turn.activity);
        for agent_id in &turn.started {
            self.add(agent_id, index);
        }
        if let Some(prompt_id) = &turn.opening.header.prompt_id
            && turn.ran_apart()
        {
            self.prompts.insert(prompt_id.clone(), index);
        }
    }

    /// Adds the agents that a turn launched, or an agent of it.
    pub(super) fn add_activity(&mut self, turn: usize, activity: &Activity) {
        for tool in activity.tools.iter().filter(|tool| tool.launches_agent()) {
            self.add(&tool.request.id, turn);
            let result = tool.result.as_ref();
            let named = result.and_then(|result| result.agent_id.as_ref());
            let run = result.and_then(|result| result.workflow.as_ref());
            for id in [named, run].into_iter().flatten() {
                self.add(id, turn);
            }
        }
    }

    fn add(&mut self, id: &str, turn: usize) {
        let known = self.launches.entry(id.to_owned()).or_insert(Some(turn));
        if *known != Some(turn) {
            *known = None;
        }
    }

    /// The turn that launched an agent, if there is a link.
    pub(super) fn turn_of(
        &self,
        file: &AgentFile,
        meta: &AgentMeta,
        run: &AgentRun,
    ) -> Option<usize> {
        let launch = |id: Option<&String>| self.launches.get(id?).copied().flatten();
        let prompt = || self.prompts.get(run.opening.header.prompt_id.as_ref()?).copied();
        launch(Some(&file.agent_id))
            .or_else(|| launch(meta.tool_use_id.as_ref()))
            .or_else(|| launch(file.workflow().as_ref()))
            .or_else(prompt)
    }
}
