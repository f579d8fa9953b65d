//! Usage as a table and as JSON.

use std::collections::BTreeMap;
use std::io;

use base::Timestamp;
use serde_json::{Value, json};
use transcript::Usage;

use crate::commands::output::{
    Grid, Terminal, dollars, merged, plural, print_json, print_note, stdout, tokens,
};
use crate::commands::session_facts::{ProjectNames, key_json, labels};
use crate::usage::{CallSums, Dimension, Groups};

pub(super) struct UsageOutput {
    pub groups: Groups<CallSums>,
    pub total: CallSums,
    /// By session, if the table is by session.
    pub claude_code_usd: Option<BTreeMap<String, f64>>,
    pub price_date: Option<Timestamp>,
}

impl UsageOutput {
    pub(super) fn print_json(&self) -> io::Result<()> {
        let names = ProjectNames::of_groups(&self.groups);
        for (key, sums) in self.sorted() {
            let mut object = merged(key_json(&self.groups.by, key, &names), fields(sums));
            if let Some(costs) = &self.claude_code_usd {
                let cost = self.session_of(key).and_then(|session| costs.get(session));
                object = merged(object, json!({"claude_code_cost_usd": cost}));
            }
            print_json("group", object)?;
        }
        let date = self.price_date.map(day);
        print_json("summary", json!({"total": fields(&self.total), "prices_date": date}))
    }

    pub(super) fn print_table(&self, terminal: Terminal) -> io::Result<()> {
        if self.groups.sums.is_empty() {
            print_note("no model calls found");
            return Ok(());
        }
        let names = ProjectNames::of_groups(&self.groups);
        let dimensions = &self.groups.by;
        let headings = dimensions.iter().map(|by| by.name().to_uppercase()).collect();
        let mut numbers = vec!["TURNS", "CALLS", "INPUT", "READ", "WRITE", "OUTPUT", "COST"];
        if self.claude_code_usd.is_some() {
            numbers.push("CLAUDE");
        }
        let mut grid = Grid::new(headings, &numbers);
        for (key, sums) in self.sorted() {
            let mut cells = cells(sums);
            if let Some(costs) = &self.claude_code_usd {
                let cost = self.session_of(key).and_then(|session| costs.get(session));
                cells.push(cost.map_or_else(String::new, |cost| dollars(*cost)));
            }
            grid.push(labels(dimensions, key, &names), cells);
        }
        let mut cells = cells(&self.total);
        cells.extend(self.claude_code_usd.as_ref().map(|costs| dollars(costs.values().sum())));
        grid.push_total(cells);
        grid.print(&mut stdout(), terminal)?;
        self.print_notes();
        Ok(())
    }

    fn print_notes(&self) {
        let Some(at) = self.price_date else {
            return print_note("no prices: 'claude-langfuse doctor' reads them from Langfuse");
        };
        print_note(&format!("prices of {}; 'claude-langfuse doctor' reads them again", day(at)));
        if self.total.unpriced > 0 {
            let calls = usize::try_from(self.total.unpriced).unwrap_or(usize::MAX);
            let count = tokens::short(tokens::total(&self.total.unpriced_usage));
            print_note(&format!("no price for {} with {count} tokens", plural(calls, "call")));
        }
    }

    fn session_of<'a>(&self, key: &'a [String]) -> Option<&'a String> {
        let place = self.groups.by.iter().position(|by| *by == Dimension::Session)?;
        key.get(place)
    }

    /// Sorted by time if that comes first, otherwise most expensive first.
    fn sorted(&self) -> Vec<(&Vec<String>, &CallSums)> {
        let mut all: Vec<(&Vec<String>, &CallSums)> = self.groups.sums.iter().collect();
        let first = self.groups.by.first();
        if !matches!(first, Some(Dimension::Day | Dimension::Week | Dimension::Month)) {
            all.sort_by(|(_, one), (_, other)| {
                let size = |sums: &CallSums| tokens::total(&sums.usage);
                other.cost.total_cmp(&one.cost).then(size(other).cmp(&size(one)))
            });
        }
        all
    }
}

fn cells(sums: &CallSums) -> Vec<String> {
    let Usage { input, output, cache_read, cache_write, .. } = sums.usage;
    let counts = [sums.turns, sums.calls].map(|count| count.to_string());
    let tokens = [input, cache_read, cache_write, output].map(tokens::short);
    counts.into_iter().chain(tokens).chain([cost_cell(sums)]).collect()
}

/// `+`: some calls have no price.
pub(super) fn cost_cell(sums: &CallSums) -> String {
    match sums.unpriced {
        0 => dollars(sums.cost),
        unpriced if unpriced == sums.calls => "no price".to_owned(),
        _ => format!("{}+", dollars(sums.cost)),
    }
}

fn day(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

fn fields(sums: &CallSums) -> Value {
    let has_price = sums.unpriced < sums.calls;
    json!({
        "turns": sums.turns, "calls": sums.calls, "tokens": tokens::as_json(&sums.usage),
        "cost_usd": has_price.then(|| sums.rounded_cost()),
        "without_price": {"calls": sums.unpriced, "tokens": tokens::as_json(&sums.unpriced_usage)},
    })
}
