//! Reads a session's files into its facts. Turns, calls and agents are the same as those sent.

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use base::Timestamp;
use transcript::lineage::{Lineage, SessionIds};
use transcript::locate::{AgentFile, Layout, agents};
use transcript::session::fork::without_head;
use transcript::session::{Activity, AgentRun, Copied, Turn, Turns};
use transcript::{Instructions, Record, Transcript, TurnInstructions, text_of};

use super::activity::{ActivityFacts, LastCalls, collect};
use super::agents::AgentLinks;
use super::facts::{SessionFacts, TurnFacts};
use super::outcomes::Outcomes;
use super::reported::counts;

/// The facts of a session, and whether all of its files are covered by a stamp.
///
/// # Errors
/// If the transcript can't be read.
pub fn read_session(transcript: &Path, session_id: &str) -> Result<(SessionFacts, bool)> {
    let mut reading = Reading::default();
    let (lineage, layout) = reading.session(transcript, session_id)?;
    for file in agents(transcript, layout, &|_| false) {
        if let Err(error) = reading.agent(&file) {
            log::warn!("{error:#}");
        }
    }
    let facts = reading.finish(lineage.own_from);
    let counts = counts(transcript);
    let facts = SessionFacts { parent: lineage.parent, counts, ..facts };
    Ok((facts, layout == Some(Layout::Below)))
}

/// The calls of the sessions so far, by their digests.
#[derive(Debug, Default)]
pub struct Seen(HashSet<u64>);

impl Seen {
    /// Removes calls that an earlier session has too: forks and copies count once.
    pub fn keep_new(&mut self, facts: &mut SessionFacts) {
        facts.calls.retain(|call| self.0.insert(call.id));
        facts.tools.retain(|tool| self.0.insert(tool.id));
    }
}

/// A session being read.
#[derive(Default)]
struct Reading {
    turns: Vec<TurnFacts>,
    /// The offset of each turn's opening row.
    offsets: Vec<u64>,
    activities: ActivityFacts,
    links: AgentLinks,
    outcomes: Outcomes,
    last_calls: LastCalls,
}

impl Reading {
    fn session(
        &mut self,
        transcript: &Path,
        session_id: &str,
    ) -> Result<(Lineage, Option<Layout>)> {
        let mut lineage = Lineage::new(SessionIds::new(session_id, transcript), transcript);
        let (mut own_rows, mut copied) = (lineage.own_rows(), None);
        let mut turns = Turns::default();
        let mut layout = None;
        let mut rows = Transcript::open(transcript, 0)?
            .timed()
            .with_instructions(Rc::new(Instructions::default()));
        while let Some(entry) = rows.next_entry()? {
            let was_decided = lineage.is_decided();
            lineage.observe(&entry);
            if !was_decided && lineage.is_decided() {
                own_rows.begin_at(lineage.own_from);
                copied = turns.open_turn().map(Copied::of);
            }
            if !own_rows.admit(&entry) {
                continue;
            }
            let version = entry.header.version.as_deref();
            layout = version.map(|version| Layout::after(layout, version)).or(layout);
            if let Record::PullRequest(url) = &entry.record
                && let Some(at) = entry.at
            {
                self.outcomes.add_link(at, url);
            }
            if let Some(turn) = turns.push(entry) {
                self.turn(&turn, copied.as_ref(), &rows.instructions_of(&turn));
            }
        }
        if let Some(turn) = turns.finish() {
            self.turn(&turn, copied.as_ref(), &rows.instructions_of(&turn));
        }
        Ok((lineage, layout))
    }

    /// `copied`: the last turn of a copied head, which may continue here.
    fn turn(&mut self, turn: &Turn, copied: Option<&Copied>, instructions: &TurnInstructions) {
        let index = self.turns.len();
        let opening = &turn.opening;
        let goes_on = copied.is_some_and(|copied| copied.goes_on_in(turn));
        self.offsets.push(if goes_on { turn.end } else { opening.offset });
        self.turns.push(TurnFacts {
            uuid: opening.uuid.clone(),
            branch: opening.header.branch.clone(),
            version: opening.header.version.clone(),
            instructions: instructions.within.hash(),
            effort: turn.activity.generations.first().and_then(|call| call.effort.clone()),
            ..TurnFacts::default()
        });
        self.links.add_turn(index, turn);
        self.outcomes.begin_turn(index, opening.at);
        self.activity(index, "", None, &turn.activity);
        for (_, run) in turn.agents.runs() {
            let prompt = text_of(&run.opening.prompt.content);
            let launch = turn.activity.tools.iter().find(|tool| {
                let asked = tool.request.input.get("prompt").and_then(serde_json::Value::as_str);
                asked == Some(prompt.as_str())
            });
            let agent_type = launch.and_then(|tool| tool.request.input.get("subagent_type"));
            let agent_type = agent_type.and_then(serde_json::Value::as_str).unwrap_or("agent");
            self.activity(index, &run.opening.uuid, Some(agent_type), &run.activity);
        }
    }

    /// `agent`: distinguishes the agent's calls from those of the turn and of other agents.
    fn activity(
        &mut self,
        turn: usize,
        agent: &str,
        agent_type: Option<&str>,
        activity: &Activity,
    ) {
        self.outcomes.add_activity(turn, activity);
        let uuid = self.turns.get(turn).map_or("", |turn| turn.uuid.as_str());
        let scope = format!("{uuid}/{agent}");
        match agent {
            "" => collect(turn, &scope, None, activity, &mut self.last_calls, &mut self.activities),
            _ => {
                let mut last_calls = LastCalls::default();
                collect(turn, &scope, agent_type, activity, &mut last_calls, &mut self.activities);
            }
        }
    }

    fn agent(&mut self, file: &AgentFile) -> Result<()> {
        let entries = file.rows(|path| {
            let mut rows = Transcript::open(path, 0)?.timed();
            std::iter::from_fn(|| rows.next_entry().transpose()).collect()
        })?;
        let meta = file.meta();
        let own = without_head(entries, meta.is_fork == Some(true));
        let Some(run) = AgentRun::read(own, &[]) else {
            return Ok(());
        };
        let link = self.links.turn_of(file, &meta, &run);
        let turn = link.or_else(|| self.outcomes.turn_at(run.opening.at));
        let turn = turn.unwrap_or_else(|| self.turn_of_nobody(&run));
        self.links.add_activity(turn, &run.activity);
        let agent_type = meta.agent_type.as_deref().unwrap_or("agent");
        self.activity(turn, &file.agent_id, Some(agent_type), &run.activity);
        Ok(())
    }

    /// A turn for an agent of a session without turns, such as one that Claude Code starts for itself.
    fn turn_of_nobody(&mut self, run: &AgentRun) -> usize {
        self.offsets.push(u64::MAX);
        self.turns.push(TurnFacts {
            uuid: run.opening.uuid.clone(),
            branch: run.opening.header.branch.clone(),
            version: run.opening.header.version.clone(),
            ..TurnFacts::default()
        });
        self.turns.len() - 1
    }

    fn finish(mut self, own_from: u64) -> SessionFacts {
        self.outcomes.attribute(&mut self.turns);
        let is_own = |turn: usize| self.offsets.get(turn).is_some_and(|offset| *offset >= own_from);
        let ActivityFacts { mut calls, mut tools } = self.activities;
        calls.retain(|call| is_own(call.turn));
        tools.retain(|tool| is_own(tool.turn));
        SessionFacts { calls, tools, turns: self.turns, ..SessionFacts::default() }
    }
}

/// The turn that ran at a time, by the times at which turns were opened.
pub(super) fn turn_at(openings: &[(usize, Timestamp)], at: Timestamp) -> Option<usize> {
    let before = openings.iter().filter(|(_, opened_at)| *opened_at <= at);
    let first = || openings.iter().min_by_key(|(_, opened_at)| *opened_at);
    before.max_by_key(|(_, opened_at)| *opened_at).or_else(first).map(|(turn, _)| *turn)
}
