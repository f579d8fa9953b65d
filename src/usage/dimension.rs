//! The dimensions by which tables of usage are grouped.

use super::facts::{CallFacts, SessionFacts, ToolFacts, TurnFacts};
use super::local_time::LocalTime;
use base::Timestamp;

/// A dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    Project,
    Day,
    Week,
    Month,
    Model,
    Branch,
    Commit,
    PullRequest,
    Session,
    AgentType,
    Version,
    Effort,
    Instructions,
    Tool,
    Server,
    Skill,
}

/// The session of the facts.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub session: &'a str,
    pub project: &'a str,
    pub facts: &'a SessionFacts,
}

/// The value of facts without one: no commit came after the turn, the tool has no server.
const NONE: &str = "none";
/// The agent type of the session itself.
const MAIN: &str = "main";

impl Dimension {
    /// The dimensions of tool calls, with their names as arguments.
    pub const OF_TOOLS: &[(Self, &str)] = &[
        (Self::Tool, "tool"),
        (Self::Server, "server"),
        (Self::Skill, "skill"),
        (Self::Project, "project"),
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
        (Self::Model, "model"),
        (Self::Branch, "branch"),
        (Self::Commit, "commit"),
        (Self::PullRequest, "pr"),
        (Self::Session, "session"),
        (Self::AgentType, "agent-type"),
        (Self::Version, "version"),
        (Self::Effort, "effort"),
        (Self::Instructions, "instructions"),
    ];
    /// Those of model calls: all but the first three.
    pub const OF_CALLS: &[(Self, &str)] = Self::OF_TOOLS.split_at(3).1;

    /// Its name as an argument.
    pub fn name(self) -> &'static str {
        Self::OF_TOOLS.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }

    /// The value of a model call.
    pub fn of_call(self, call: &CallFacts, owner: Owner<'_>, time: &LocalTime) -> String {
        let text = match self {
            Self::Model => Some(call.model.clone()),
            Self::AgentType => Some(call.agent_type.clone().unwrap_or_else(|| MAIN.to_owned())),
            Self::Effort => call.effort.clone(),
            _ => self.of_turn(call.turn, call.started_at, owner, time),
        };
        or_none(text)
    }

    /// The value of a tool call.
    pub fn of_tool(self, tool: &ToolFacts, owner: Owner<'_>, time: &LocalTime) -> String {
        let text = match self {
            Self::Tool => Some(tool.name.clone()),
            Self::Server => tool.server().map(str::to_owned),
            Self::Skill => tool.skill.clone(),
            Self::Model => tool.model.clone(),
            Self::AgentType => Some(tool.agent_type.clone().unwrap_or_else(|| MAIN.to_owned())),
            Self::Effort => turn(tool.turn, owner).and_then(|turn| turn.effort.clone()),
            _ => self.of_turn(tool.turn, tool.called_at, owner, time),
        };
        or_none(text)
    }

    fn of_turn(
        self,
        index: usize,
        at: Timestamp,
        owner: Owner<'_>,
        time: &LocalTime,
    ) -> Option<String> {
        let turn = || turn(index, owner);
        match self {
            Self::Project => Some(owner.project.to_owned()),
            Self::Session => Some(owner.session.to_owned()),
            Self::Day => Some(time.day(at)),
            Self::Week => Some(time.week(at)),
            Self::Month => Some(time.month(at)),
            Self::Branch => turn()?.branch.clone(),
            Self::Commit => turn()?.commit.clone(),
            Self::PullRequest => turn()?.pull_request.clone(),
            Self::Version => turn()?.version.clone(),
            Self::Instructions => turn()?.instructions.clone(),
            _ => None,
        }
    }
}

fn turn<'a>(index: usize, owner: Owner<'a>) -> Option<&'a TurnFacts> {
    owner.facts.turns.get(index)
}

fn or_none(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| NONE.to_owned())
}
