//! The sum of a session's tokens, against what Claude Code itself counted, with names for the difference.

use std::io::{self, Write};

use serde_json::{Value, json};
use transcript::{Reckoning, Usage};

use super::tree::Line;
use crate::commands::many;
use crate::commands::output::terminal::{Terminal, wrapped};
use crate::commands::output::tokens;

/// Columns of the names before the sums.
const NAMES: usize = 13;

/// What a session's observations amount to.
#[derive(Default)]
pub(super) struct Sum {
    usage: Usage,
    observations: usize,
    calls: usize,
    compactions: usize,
    unanswered: usize,
    lower_bounds: usize,
    parent_session: Option<String>,
    reckoning: Option<Reckoning>,
}

impl Sum {
    pub(super) fn add(&mut self, line: &Line) {
        self.observations += 1;
        self.compactions += usize::from(line.name == "compaction");
        self.unanswered += usize::from(line.is_unanswered_turn());
        self.lower_bounds += usize::from(line.lower_bound);
        if self.parent_session.is_none() {
            self.parent_session = line.parent_session().map(str::to_owned);
        }
        if let Some(usage) = line.usage {
            self.calls += 1;
            self.usage = self.usage.plus(usage);
        }
    }

    /// Takes note of what Claude Code counted.
    pub(super) fn compare(&mut self, reckoning: Option<Reckoning>) {
        self.reckoning = reckoning;
    }

    /// What Claude Code counted beyond the transcript, and the other way round.
    fn gaps(&self, counted: &Usage) -> [Usage; 2] {
        let beyond = |one: &Usage, other: &Usage| Usage {
            input: one.input.saturating_sub(other.input),
            output: one.output.saturating_sub(other.output),
            cache_read: one.cache_read.saturating_sub(other.cache_read),
            cache_write: one.cache_write.saturating_sub(other.cache_write),
            ..Usage::default()
        };
        [beyond(counted, &self.usage), beyond(&self.usage, counted)]
    }

    /// What is known to be counted there and to stand in no row here.
    fn reasons(&self, more: &Usage) -> Vec<String> {
        let only_output = tokens::in_all(more) == more.output;
        let mut reasons = Vec::new();
        if only_output && self.lower_bounds > 0 {
            let answers = many(self.lower_bounds, "answer");
            return vec![format!(
                "{answers} cut off, of which only the beginning was counted here"
            )];
        }
        if self.compactions > 0 {
            let compactions = many(self.compactions, "compaction");
            reasons.push(format!("{compactions}, whose requests leave no answer"));
        }
        if self.unanswered > 0 {
            let turns = many(self.unanswered, "turn");
            reasons.push(format!(
                "{turns} interrupted, maybe before the answer began"
            ));
        }
        if let Some(parent) = &self.parent_session {
            reasons.push(format!(
                "what a fork has inherited, here from session {parent}"
            ));
        }
        if reasons.is_empty() {
            reasons.push("requests whose answers stand in no row".to_owned());
        }
        reasons
    }

    fn reasons_for_less(&self, reckoning: &Reckoning) -> &'static str {
        match reckoning.outdated {
            true => "the session went on since it counted, which it does when its process ends",
            false => "it began to count anew in the middle of the session",
        }
    }

    pub(super) fn print(&self, out: &mut impl Write, terminal: Terminal) -> io::Result<()> {
        if self.observations == 0 {
            return Ok(());
        }
        let mut say = |name: &str, text: &str| {
            let text = wrapped(text, NAMES, terminal.width());
            writeln!(out, "{name:NAMES$}{text}")
        };
        let calls = many(self.calls, "model call");
        let usage = tokens::said(&self.usage);
        say("tokens", &format!("{usage}  in {calls}"))?;
        if self.lower_bounds > 0 {
            let answers = many(self.lower_bounds, "answer");
            say("", &format!("the output of {answers} is a lower bound"))?;
        }
        let Some(reckoning) = &self.reckoning else {
            return Ok(());
        };
        let (usage, dollars) = (tokens::said(&reckoning.usage), reckoning.dollars);
        let counted = format!("{usage}  ${dollars:.4} by its own prices");
        say("Claude Code", &counted)?;
        let [more, less] = self.gaps(&reckoning.usage);
        if tokens::in_all(&more) > 0 {
            let (more, reasons) = (tokens::said_of_some(&more), self.reasons(&more).join("; "));
            say("gap", &format!("{more} more there: {reasons}"))?;
        }
        if tokens::in_all(&less) > 0 {
            let (less, reason) = (
                tokens::said_of_some(&less),
                self.reasons_for_less(reckoning),
            );
            say("gap", &format!("{less} less there: {reason}"))?;
        }
        Ok(())
    }

    pub(super) fn as_json(&self) -> Value {
        let compared = self.reckoning.as_ref().map(|reckoning| {
            let [more, less] = self.gaps(&reckoning.usage);
            let mut reasons = Vec::new();
            if tokens::in_all(&more) > 0 {
                reasons = self.reasons(&more);
            }
            if tokens::in_all(&less) > 0 {
                reasons.push(self.reasons_for_less(reckoning).to_owned());
            }
            json!({
                "tokens": tokens::as_json(&reckoning.usage), "dollars": reckoning.dollars, "outdated": reckoning.outdated,
                "more": tokens::as_json(&more), "less": tokens::as_json(&less), "reasons": reasons,
            })
        });
        json!({
            "observations": self.observations, "calls": self.calls, "tokens": tokens::as_json(&self.usage),
            "lower_bounds": self.lower_bounds, "claude_code": compared,
        })
    }
}
