//! The observations of a session as a tree of lines: each turn is a heading with its root below. Time, tokens and
//! cost are on the left, where a narrow terminal does not cut them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::line::ObservationLine;
use crate::commands::output::{Terminal, dollars, milliseconds, printable, tokens};
use crate::commands::session_ref::TurnSelection;
use crate::trace::Level;

/// Tokens and cost of an observation with all of its descendants.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subtotal {
    pub tokens: u64,
    /// US dollars of the calls with a price.
    pub cost: f64,
    pub has_cost: bool,
}

/// The selection of lines.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    pub turns: TurnSelection,
    /// Only observations that did not end well, and their ancestors.
    pub failed: bool,
}

/// All observations of a session.
#[derive(Default)]
pub(super) struct ObservationTree {
    pub lines: Vec<ObservationLine>,
}

impl ObservationTree {
    /// The numbers of all turns, in order.
    pub(super) fn turns(&self) -> Vec<u64> {
        let (groups, _) = self.indices();
        let first = |group: &Vec<usize>| self.lines.get(*group.first()?)?.heading.turn;
        let mut turns: Vec<u64> = groups.iter().filter_map(first).collect();
        turns.sort_unstable();
        turns
    }

    /// The newest turn with a root: a running turn has none yet.
    pub(super) fn newest_turn_over(&self) -> Option<u64> {
        let roots = self.lines.iter().filter(|line| line.is_turn_root());
        roots.filter_map(|line| line.heading.turn).max()
    }

    /// The span ids of the selected lines.
    pub(super) fn spans_of(&self, selection: Selection) -> BTreeSet<String> {
        let mut spans = BTreeSet::new();
        self.walk(selection, |_, line, _| {
            spans.insert(line.span_id.clone());
            Ok(())
        })
        .unwrap_or_default();
        spans
    }

    /// Tokens and cost of each observation with all of its descendants.
    pub(super) fn subtotals(&self) -> BTreeMap<&str, Subtotal> {
        let parents = self.parents();
        let mut subtotals: BTreeMap<&str, Subtotal> = BTreeMap::new();
        for line in &self.lines {
            let Some(usage) = &line.usage else {
                continue;
            };
            // In a broken transcript two subagents may have launched each other.
            let mut visited = BTreeSet::new();
            let mut place = Some(line.span_id.as_str());
            while let Some(span) = place.filter(|span| visited.insert(*span)) {
                let subtotal = subtotals.entry(span).or_default();
                subtotal.tokens += tokens::total(usage);
                subtotal.cost += line.cost.unwrap_or_default();
                subtotal.has_cost |= line.cost.is_some();
                place = parents.get(span).copied();
            }
        }
        subtotals
    }

    /// Prints the selected lines.
    pub(super) fn print(
        &self,
        out: &mut impl Write,
        terminal: Terminal,
        selection: Selection,
    ) -> io::Result<()> {
        let subtotals = self.subtotals();
        let has_costs = self.lines.iter().any(|line| line.cost.is_some());
        let row = |time: &str, tokens: &str, cost: &str| {
            let cost = if has_costs { format!("{cost:>7}  ") } else { String::new() };
            format!("{time:>6}  {tokens:>6}  {cost}")
        };
        let mut is_first = true;
        self.walk(selection, |prefix, line, is_root| {
            if is_root {
                if std::mem::take(&mut is_first) {
                    writeln!(out, "{}", terminal.bold(row("TIME", "TOKENS", "COST").trim_end()))?;
                }
                let heading = line.heading.text(line.start);
                writeln!(out, "{}", terminal.bold(&terminal.fit(heading.trim_end())))?;
            }
            let subtotal = subtotals.get(line.span_id.as_str()).copied().unwrap_or_default();
            let count = Some(subtotal.tokens).filter(|count| *count > 0).map(tokens::short);
            let cost = subtotal.has_cost.then(|| dollars(subtotal.cost));
            let time = Some(line.milliseconds).filter(|time| *time > 0).map(milliseconds);
            let [time, count, cost] = [time, count, cost].map(Option::unwrap_or_default);
            let before = format!("{}{prefix}", row(&time, &count, &cost));
            let columns = terminal.width.map(|width| width.saturating_sub(before.chars().count()));
            let line_text = format!("{before}{}", line.text(terminal, columns));
            writeln!(out, "{}", line_text.trim_end())?;
            let indentation = " ".repeat(before.chars().count());
            line.whole.iter().try_for_each(|(name, text)| {
                writeln!(out, "{indentation}{name}:")?;
                text.lines()
                    .try_for_each(|line| writeln!(out, "{indentation}  {}", printable(line)))
            })
        })
    }

    /// Indices of the roots, and of the children of each span, in the order of their starts. A turn that runs, or
    /// that continues in another file, has no root here: its children are one group.
    fn indices(&self) -> (Vec<Vec<usize>>, BTreeMap<&str, Vec<usize>>) {
        let known = self.lines.iter().map(|line| line.span_id.as_str()).collect::<BTreeSet<_>>();
        let mut children = BTreeMap::<&str, Vec<usize>>::new();
        let (mut groups, mut below_missing) = (Vec::<Vec<usize>>::new(), BTreeMap::new());
        let mut order: Vec<(usize, &ObservationLine)> = self.lines.iter().enumerate().collect();
        order.sort_unstable_by_key(|(index, line)| (line.start, *index));
        for (index, line) in order {
            match line.parent.as_deref() {
                Some(parent) if known.contains(parent) => {
                    children.entry(parent).or_default().push(index);
                }
                Some(_) if line.is_turn_root() => groups.push(vec![index]),
                Some(parent) => {
                    let group = *below_missing.entry(parent).or_insert(groups.len());
                    match groups.get_mut(group) {
                        Some(group) => group.push(index),
                        None => groups.push(vec![index]),
                    }
                }
                None => groups.push(vec![index]),
            }
        }
        (groups, children)
    }

    fn parents(&self) -> BTreeMap<&str, &str> {
        let lines = self.lines.iter();
        lines.filter_map(|line| Some((line.span_id.as_str(), line.parent.as_deref()?))).collect()
    }

    /// Observations that did not end well, and all of their ancestors.
    pub(super) fn failed(&self) -> BTreeSet<&str> {
        let parents = self.parents();
        let mut failed = BTreeSet::new();
        for line in self.lines.iter().filter(|line| line.level != Level::Default) {
            let mut place = Some(line.span_id.as_str());
            while let Some(span) = place.filter(|span| failed.insert(*span)) {
                place = parents.get(span).copied();
            }
        }
        failed
    }

    /// Visits the selected lines, parents before children, with the branch characters of each line.
    pub(super) fn walk<'s>(
        &'s self,
        Selection { turns, failed }: Selection,
        mut visit: impl FnMut(&str, &'s ObservationLine, bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let (groups, children) = self.indices();
        let failed = failed.then(|| self.failed());
        let is_shown = |index: &usize| {
            let span = self.lines.get(*index).map(|line| line.span_id.as_str());
            failed.as_ref().is_none_or(|failed| span.is_some_and(|span| failed.contains(span)))
        };
        // In a broken transcript two subagents may have launched each other.
        let mut visited = vec![false; self.lines.len()];
        for group in groups {
            let group: Vec<usize> = group.into_iter().filter(is_shown).collect();
            let first = group.first().and_then(|first| self.lines.get(*first));
            let turn = first.and_then(|first| first.heading.turn);
            if !turns.is_all() && !turn.is_some_and(|turn| turns.contains(turn)) {
                continue;
            }
            // No recursion: agents may launch agents to any depth.
            let mut stack = Vec::new();
            push(&mut stack, &group, "");
            while let Some((index, indent, branch)) = stack.pop() {
                let (Some(line), Some(was_visited)) =
                    (self.lines.get(index), visited.get_mut(index))
                else {
                    continue;
                };
                if std::mem::replace(was_visited, true) {
                    continue;
                }
                visit(&format!("{indent}{branch}"), line, group.first() == Some(&index))?;
                let below = children.get(line.span_id.as_str()).map_or(&[][..], Vec::as_slice);
                let below: Vec<usize> = below.iter().copied().filter(is_shown).collect();
                let indent = format!("{indent}{}", if branch == "└ " { "  " } else { "│ " });
                push(&mut stack, &below, &indent);
            }
        }
        Ok(())
    }
}

/// Puts siblings on the stack, the first on top.
fn push(stack: &mut Vec<(usize, String, &str)>, siblings: &[usize], indent: &str) {
    for (position, sibling) in siblings.iter().enumerate().rev() {
        let branch = if position + 1 == siblings.len() { "└ " } else { "├ " };
        stack.push((*sibling, indent.to_owned(), branch));
    }
}
