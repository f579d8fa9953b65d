//! Tool calls as a table with lists, and as JSON.

use std::cmp::Reverse;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::lists::{ListedCall, Lists};
use crate::commands::output::{
    Grid, Terminal, merged, milliseconds, one_line, print_json, print_note, stdout, tokens,
};
use crate::commands::session_facts::{ProjectNames, key_json, labels};
use crate::usage::{Dimension, Groups, ToolSums};

/// Lines of a list in the table; JSON has more.
const MAX_LINES: usize = 5;

pub(super) struct ToolsOutput {
    pub groups: Groups<ToolSums>,
    pub total: ToolSums,
    pub lists: Lists,
}

impl ToolsOutput {
    /// The lists with their titles and their names in JSON.
    fn lists(&self) -> [(&'static str, &'static str, &[ListedCall]); 3] {
        let Lists { rereads, retries, largest } = &self.lists;
        [
            ("files read again unchanged", "rereads", rereads),
            ("calls repeated after a failure", "retries", retries),
            ("largest results", "largest_results", largest),
        ]
    }

    pub(super) fn print_json(&self) -> io::Result<()> {
        let names = self.project_names();
        for (key, sums) in self.sorted() {
            let key = key_json(&self.groups.by, key, &names);
            print_json("group", merged(key, fields(sums)))?;
        }
        let lists = self.lists().into_iter().map(|(_, name, list)| {
            let list = list.iter().map(|it| {
                json!({
                    "project": names.name(&it.project), "tool": it.tool, "input": one_line(&it.asked), "count": it.count,
                    "output_chars": it.output_chars,
                })
            });
            (name.to_owned(), list.collect())
        });
        print_json(
            "summary",
            merged(json!({"total": fields(&self.total)}), Value::Object(lists.collect())),
        )
    }

    pub(super) fn print_table(&self, terminal: Terminal) -> io::Result<()> {
        if self.groups.sums.is_empty() {
            print_note("no tool calls found");
            return Ok(());
        }
        let names = self.project_names();
        let dimensions = &self.groups.by;
        let headings = dimensions.iter().map(|by| by.name().to_uppercase()).collect();
        let numbers = ["TURNS", "CALLS", "FAILED", "DENIED", "RETRIED", "P50", "P95", "OUTPUT"];
        let mut grid = Grid::new(headings, &numbers);
        for (key, sums) in self.sorted() {
            grid.push(labels(dimensions, key, &names), cells(sums));
        }
        grid.push_total(cells(&self.total));
        let mut out = stdout();
        grid.print(&mut out, terminal)?;
        for (title, _, list) in self.lists() {
            if list.is_empty() {
                continue;
            }
            writeln!(out, "\n{}", terminal.bold(title))?;
            for it in list.iter().take(MAX_LINES) {
                let (count, chars) = (it.count, tokens::short(it.output_chars));
                let asked = one_line(&format!("{} {}", it.tool, it.asked));
                let line = format!("{count:>4}×  {chars:>5} chars  {asked}");
                writeln!(out, "{}", terminal.fit(line.trim_end()))?;
            }
        }
        Ok(())
    }

    fn project_names(&self) -> ProjectNames {
        let lists = self.lists();
        let listed = lists.iter().flat_map(|(_, _, list)| list.iter().map(|it| &it.project));
        ProjectNames::of(listed.chain(ProjectNames::keys(&self.groups)))
    }

    /// Sorted by time if that comes first, otherwise most frequent first.
    fn sorted(&self) -> Vec<(&Vec<String>, &ToolSums)> {
        let mut all: Vec<(&Vec<String>, &ToolSums)> = self.groups.sums.iter().collect();
        let first = self.groups.by.first();
        if !matches!(first, Some(Dimension::Day | Dimension::Week | Dimension::Month)) {
            all.sort_by_key(|(_, sums)| Reverse((sums.calls, sums.output_chars)));
        }
        all
    }
}

fn cells(sums: &ToolSums) -> Vec<String> {
    let counts = [sums.turns, sums.calls, sums.failed, sums.denied, sums.retries];
    let times = [sums.percentile(50), sums.percentile(95)];
    let counts = counts.map(|count| count.to_string()).into_iter();
    let times = times.map(|time| time.map_or_else(String::new, milliseconds));
    counts.chain(times).chain([tokens::short(sums.output_chars)]).collect()
}

fn fields(sums: &ToolSums) -> Value {
    json!({
        "turns": sums.turns, "calls": sums.calls, "failed": sums.failed, "denied": sums.denied, "stopped": sums.stopped,
        "no_result": sums.unanswered, "retries": sums.retries, "rereads": sums.rereads, "p50_ms": sums.percentile(50),
        "p95_ms": sums.percentile(95), "output_chars": sums.output_chars,
    })
}
