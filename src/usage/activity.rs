//! The calls of a turn, or of an agent's run, as facts.

use std::collections::BTreeMap;

use serde_json::Value;
use transcript::session::{Activity, Generation, ToolCall};
use transcript::{Block, ToolResult, characters, text_of};

use super::asked::request_digest;
use super::facts::{CallFacts, ToolFacts, ToolOutcome};
use crate::trace::{Status, hash, priceable};

/// The calls of some activities.
#[derive(Debug, Default)]
pub(super) struct ActivityFacts {
    pub(super) calls: Vec<CallFacts>,
    pub(super) tools: Vec<ToolFacts>,
}

/// The last outcome of each tool call, by digests of request and output.
#[derive(Debug, Default)]
pub(super) struct LastCalls(BTreeMap<u64, (ToolOutcome, u64)>);

/// Adds the facts of an activity. `scope`: its turn and agent, the same in every copy.
pub(super) fn collect(
    turn: usize,
    scope: &str,
    agent_type: Option<&str>,
    activity: &Activity,
    last_calls: &mut LastCalls,
    facts: &mut ActivityFacts,
) {
    let id = |kind: &str, id: &str| hash(format!("{kind}:{scope}:{id}").as_bytes());
    for call in &activity.generations {
        let fact = CallFacts {
            id: id("call", &call.key),
            turn,
            started_at: call.started_at,
            model: priceable(&call.model).into_owned(),
            agent_type: agent_type.map(str::to_owned),
            usage: call.usage,
            effort: call.effort.clone(),
            speed: call.speed.clone(),
            service_tier: call.service_tier.clone(),
        };
        let advice = call.advice.iter().map(|advice| CallFacts {
            id: id("call", &format!("{}/iteration:{}", call.key, advice.iteration)),
            model: priceable(&advice.model).into_owned(),
            usage: advice.usage,
            effort: None,
            ..fact.clone()
        });
        facts.calls.extend(advice);
        facts.calls.push(fact);
    }
    for tool in &activity.tools {
        let mut call = activity.generations.iter();
        let call = call.find(|call| call.key == tool.call);
        let mut fact = tool_facts(turn, tool, call);
        fact.id = id("tool", &tool.key);
        fact.agent_type = agent_type.map(str::to_owned);
        last_calls.note(tool, &mut fact);
        facts.tools.push(fact);
    }
}

fn tool_facts(turn: usize, tool: &ToolCall, call: Option<&Generation>) -> ToolFacts {
    let input = &tool.request.input;
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    let called = text("skill").or_else(|| text("command")).filter(|_| tool.request.name == "Skill");
    let attributed = call.and_then(|call| call.skill.clone());
    let took = tool.answered_at.map(|answered_at| answered_at.since(tool.called_at));
    ToolFacts {
        id: 0,
        turn,
        called_at: tool.called_at,
        name: tool.request.name.clone(),
        request: request_digest(&tool.request),
        agent_type: None,
        model: call.map(|call| priceable(&call.model).into_owned()),
        skill: called.map(str::to_owned).or(attributed),
        outcome: outcome(tool),
        milliseconds: took.and_then(|took| u64::try_from(took.as_millis()).ok()),
        output_chars: tool.result.as_deref().map_or(0, output_chars),
        is_retry: false,
        is_reread: false,
    }
}

fn outcome(tool: &ToolCall) -> ToolOutcome {
    let result = match &tool.result {
        _ if tool.stopped => return ToolOutcome::Stopped,
        None => return ToolOutcome::Unanswered,
        Some(result) => result,
    };
    let end = tool.task_end.as_ref().and_then(|end| end.status.as_deref());
    match end.and_then(Status::of_outcome) {
        _ if result.denial.is_some() => ToolOutcome::Denied,
        Some(Status::Killed | Status::Stopped) => ToolOutcome::Stopped,
        Some(_) => ToolOutcome::Failed,
        None if result.is_error => ToolOutcome::Failed,
        None => ToolOutcome::Done,
    }
}

/// The characters that fill the context. An image counts as none, although it has tokens.
fn output_chars(result: &ToolResult) -> u64 {
    let texts = result.content.iter().map(|block| match block {
        Block::Text(text) => characters(text) as u64,
        _ => 0,
    });
    texts.sum()
}

impl LastCalls {
    /// Compares a call with the same call before it.
    fn note(&mut self, tool: &ToolCall, fact: &mut ToolFacts) {
        let output =
            tool.result.as_ref().map_or(0, |result| hash(text_of(&result.content).as_bytes()));
        let now = (fact.outcome, output);
        let before = self.0.insert(fact.request, now);
        fact.is_retry = before.is_some_and(|(outcome, _)| outcome == ToolOutcome::Failed);
        fact.is_reread =
            fact.name == "Read" && fact.outcome == ToolOutcome::Done && before == Some(now);
    }
}
