//! Token totals of a session beside Claude Code's own count, with reasons for the difference.

use std::io::{self, Write};

use serde_json::{Value, json};
use transcript::{ReportedCost, Usage};

use super::line::ObservationLine;
use crate::commands::output::{Terminal, dollars, plural, tokens, wrap};

/// Width of the names on the left.
const NAME_WIDTH: usize = 13;

#[derive(Default)]
pub(super) struct TokenTotals {
    usage: Usage,
    /// US dollars of the calls with a price.
    cost: Option<f64>,
    observations: usize,
    calls: usize,
    compactions: usize,
    unanswered: usize,
    lower_bounds: usize,
    parent_session: Option<String>,
    /// Claude Code's own count.
    pub reported: Option<ReportedCost>,
}

impl TokenTotals {
    pub(super) fn add(&mut self, line: &ObservationLine) {
        self.observations += 1;
        self.compactions += usize::from(line.is_compaction());
        self.unanswered += usize::from(line.is_unanswered_turn());
        self.lower_bounds += usize::from(line.lower_bound);
        if self.parent_session.is_none() {
            self.parent_session.clone_from(&line.heading.parent_session);
        }
        if let Some(usage) = line.usage {
            self.calls += 1;
            self.usage = self.usage.plus(usage);
            self.cost = line.cost.map(|cost| cost + self.cost.unwrap_or_default()).or(self.cost);
        }
    }

    /// Tokens that only Claude Code counted, and tokens that only the transcript has.
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

    /// Requests in Claude Code's count without a row in the transcript.
    fn reasons_for_more(&self, more: &Usage) -> Vec<String> {
        let only_output = tokens::total(more) == more.output;
        let mut reasons = Vec::new();
        if only_output && self.lower_bounds > 0 {
            let answers = plural(self.lower_bounds, "answer");
            return vec![format!("{answers} cut off, counted here only up to the cut")];
        }
        if self.compactions > 0 {
            let compactions = plural(self.compactions, "compaction");
            reasons.push(format!("{compactions}, whose requests leave no row"));
        }
        if self.unanswered > 0 {
            let turns = plural(self.unanswered, "turn");
            reasons.push(format!("{turns} interrupted, possibly before the answer began"));
        }
        if let Some(parent) = &self.parent_session {
            reasons.push(format!("turns inherited from session {parent}"));
        }
        if reasons.is_empty() {
            reasons.push("requests without a row in the transcript".to_owned());
        }
        reasons
    }

    fn reasons_for_less(&self, reported: &ReportedCost) -> &'static str {
        if reported.outdated {
            "the session continued after the count, which is made when its process ends"
        } else {
            "the count restarted in the middle of the session"
        }
    }

    pub(super) fn print(&self, out: &mut impl Write, terminal: Terminal) -> io::Result<()> {
        self.rows().into_iter().try_for_each(|(name, text)| {
            let text = wrap(&text, NAME_WIDTH, terminal.width);
            writeln!(out, "{name:NAME_WIDTH$}{text}")
        })
    }

    /// Names and texts. An empty name continues the text before.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        if self.observations == 0 {
            return Vec::new();
        }
        let calls = plural(self.calls, "model call");
        let usage = tokens::text(&self.usage);
        let cost = self.cost.map_or_else(String::new, |cost| format!(", {}", dollars(cost)));
        let mut rows = vec![("tokens", format!("{usage}  in {calls}{cost}"))];
        if self.lower_bounds > 0 {
            let answers = plural(self.lower_bounds, "answer");
            rows.push(("", format!("the output of {answers} is a lower bound")));
        }
        let Some(reported) = &self.reported else {
            return rows;
        };
        let (usage, dollars) = (tokens::text(&reported.usage), reported.dollars);
        rows.push(("Claude Code", format!("{usage}  ${dollars:.4} by its own prices")));
        let [more, less] = self.gaps(&reported.usage);
        if tokens::total(&more) > 0 {
            let (more, reasons) = (tokens::nonzero(&more), self.reasons_for_more(&more).join("; "));
            rows.push(("gap", format!("{more} only in Claude Code's count: {reasons}")));
        }
        if tokens::total(&less) > 0 {
            let (less, reason) = (tokens::nonzero(&less), self.reasons_for_less(reported));
            rows.push(("gap", format!("{less} only in the transcript: {reason}")));
        }
        rows
    }

    pub(super) fn as_json(&self) -> Value {
        let compared = self.reported.as_ref().map(|reported| {
            let [more, less] = self.gaps(&reported.usage);
            let mut reasons = Vec::new();
            if tokens::total(&more) > 0 {
                reasons = self.reasons_for_more(&more);
            }
            if tokens::total(&less) > 0 {
                reasons.push(self.reasons_for_less(reported).to_owned());
            }
            json!({
                "tokens": tokens::as_json(&reported.usage), "cost_usd": reported.dollars, "outdated": reported.outdated,
                "more": tokens::as_json(&more), "less": tokens::as_json(&less), "reasons": reasons,
            })
        });
        json!({
            "observations": self.observations, "calls": self.calls, "tokens": tokens::as_json(&self.usage), "cost_usd": self.cost,
            "output_tokens_estimated": self.lower_bounds, "claude_code": compared,
        })
    }
}
