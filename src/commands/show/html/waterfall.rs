//! Waterfalls: a row per observation of a turn, with a bar for its time, and a row per turn of the session.

use std::io::{self, Write};

use base::Timestamp;

use super::content::Contents;
use super::escaped;
use crate::commands::output::{dollars, milliseconds, short_duration, tokens};
use crate::commands::show::line::ObservationLine;
use crate::commands::show::tree::{ObservationTree, Selection, Subtotal};
use crate::trace::Level;

/// The number of labels on an axis.
const TICKS: u64 = 5;

/// A root with all of its descendants.
pub(super) struct Waterfall<'a> {
    rows: Vec<Row<'a>>,
    id: String,
    /// Whether any call of the session has a price.
    has_costs: bool,
}

struct Row<'a> {
    depth: usize,
    line: &'a ObservationLine,
    subtotal: Subtotal,
    /// The root or a descendant did not end well.
    failed: bool,
}

impl<'a> Waterfall<'a> {
    /// The selected roots, in the order of their starts.
    pub(super) fn all_of(
        tree: &'a ObservationTree,
        selection: Selection,
    ) -> io::Result<Vec<Waterfall<'a>>> {
        let (subtotals, failed) = (tree.subtotals(), tree.failed());
        let has_costs = tree.lines.iter().any(|line| line.cost.is_some());
        let mut all: Vec<Waterfall<'a>> = Vec::new();
        tree.walk(selection, |prefix, line, is_root| {
            if is_root {
                let id = match line.heading.turn {
                    Some(turn) => format!("turn-{turn}"),
                    None => format!("other-{}", all.len() + 1),
                };
                all.push(Self { rows: Vec::new(), id, has_costs });
            }
            let span = line.span_id.as_str();
            let row = Row {
                // Two characters per level, the root's own first.
                depth: (prefix.chars().count() / 2).saturating_sub(1),
                line,
                subtotal: subtotals.get(span).copied().unwrap_or_default(),
                failed: failed.contains(span),
            };
            if let Some(last) = all.last_mut() {
                last.rows.push(row);
            }
            Ok(())
        })?;
        Ok(all)
    }

    pub(super) fn start(&self) -> Timestamp {
        let starts = self.rows.iter().map(|row| row.line.start);
        starts.min().unwrap_or(Timestamp::from_millis(0))
    }

    pub(super) fn end(&self) -> Timestamp {
        Timestamp::from_millis(self.start().as_millis() + self.length())
    }

    fn length(&self) -> u64 {
        let start = self.start();
        let ends = self.rows.iter().map(|row| since(row.line.start, start) + row.line.milliseconds);
        ends.max().unwrap_or_default().max(1)
    }

    /// Prints the waterfall as an open element.
    pub(super) fn print(&self, out: &mut impl Write, contents: &Contents) -> io::Result<()> {
        let Some(root) = self.rows.first() else {
            return Ok(());
        };
        let (length, free) = (self.length(), self.free());
        writeln!(
            out,
            "<details class=\"fall{free}\" open id={} data-whole={length} style=\"--from:0;--to:{length}\">",
            self.id
        )?;
        let (name, prompt) = (root.line.heading.name(), &root.line.heading.prompt);
        writeln!(
            out,
            "<summary><h2>{}</h2> <time>{}</time> <span class=prompt>{}</span> <span class=dim>{}</span>{}</summary>",
            escaped(&name),
            root.line.start.local_second(),
            escaped(prompt),
            self.sums(),
            ending(root.line)
        )?;
        self.print_axis(out, "", length)?;
        let start = self.start();
        for row in &self.rows {
            row.print(out, start, self.has_costs, contents)?;
        }
        writeln!(out, "</details>")
    }

    fn free(&self) -> &'static str {
        if self.has_costs { "" } else { " free" }
    }

    fn sums(&self) -> String {
        let Some(root) = self.rows.first() else {
            return String::new();
        };
        let mut parts = vec![milliseconds(self.length())];
        if root.subtotal.tokens > 0 {
            parts.push(format!("{} tokens", tokens::short(root.subtotal.tokens)));
        }
        if root.subtotal.has_cost {
            parts.push(dollars(root.subtotal.cost));
        }
        parts.join(" · ")
    }

    fn print_axis(&self, out: &mut impl Write, label: &str, length: u64) -> io::Result<()> {
        let cost = if self.has_costs { "<span class=number>cost</span>" } else { "" };
        write!(
            out,
            "<div class=axis><span class=label>{label}<span class=zoom></span></span>\
             <span class=number>time</span><span class=number>tokens</span>{cost}<span class=ticks>"
        )?;
        for tick in 0..TICKS {
            let at = length * tick / (TICKS - 1);
            let text = if at < 3_600_000 {
                milliseconds(at)
            } else {
                short_duration(u128::from(at / 1_000))
            };
            write!(out, "<span>{text}</span>")?;
        }
        writeln!(out, "</span></div>")
    }
}

/// Prints a row per turn, on the time of the whole session.
pub(super) fn print_overview(out: &mut impl Write, all: &[Waterfall<'_>]) -> io::Result<()> {
    let (Some(first), Some(last)) = (all.first(), all.iter().map(Waterfall::end).max()) else {
        return Ok(());
    };
    let (start, free) = (first.start(), first.free());
    let length = since(last, start).max(1);
    writeln!(
        out,
        "<section class=\"fall{free}\" data-whole={length} style=\"--from:0;--to:{length}\">"
    )?;
    writeln!(out, "<div class=title><h2>Session</h2></div>")?;
    first.print_axis(out, "", length)?;
    for waterfall in all {
        let Some(root) = waterfall.rows.first() else {
            continue;
        };
        let (name, prompt) = (root.line.heading.name(), &root.line.heading.prompt);
        let class = classes(root.line, waterfall.rows.iter().any(|row| row.failed));
        write!(
            out,
            "<a class=\"row {class}\" href=\"#{}\"><span class=label><b>{}</b> {}</span>",
            waterfall.id,
            escaped(&name),
            escaped(prompt)
        )?;
        print_numbers(out, root.subtotal, waterfall.length(), waterfall.has_costs)?;
        let from = since(waterfall.start(), start);
        writeln!(out, "{}</a>", bar(from, from + waterfall.length()))?;
    }
    writeln!(out, "</section>")
}

impl Row<'_> {
    fn print(
        &self,
        out: &mut impl Write,
        start: Timestamp,
        has_costs: bool,
        contents: &Contents,
    ) -> io::Result<()> {
        let line = self.line;
        let from = since(line.start, start);
        write!(
            out,
            "<details class=\"row {}\"><summary><span class=label style=\"--depth:{}\"><b>{}</b> {}{}</span>",
            classes(line, self.failed),
            self.depth,
            escaped(&line.label()),
            escaped(line.detail()),
            ending(line)
        )?;
        print_numbers(out, self.subtotal, line.milliseconds, has_costs)?;
        let own = line.usage.map(|usage| format!(" · {}", tokens::text(&usage)));
        write!(
            out,
            "{}</summary><div class=content><p class=dim>{}{}{} <button type=button class=here>zoom to this</button></p>",
            bar(from, from + line.milliseconds),
            line.start.local_second(),
            escaped(&own.unwrap_or_default()),
            ending(line)
        )?;
        if let Some(content) = contents.get(&line.span_id) {
            content.print(out)?;
        }
        writeln!(out, "</div></details>")
    }
}

fn print_numbers(
    out: &mut impl Write,
    subtotal: Subtotal,
    length: u64,
    has_costs: bool,
) -> io::Result<()> {
    let time = if length > 0 { milliseconds(length) } else { String::new() };
    let count = if subtotal.tokens > 0 { tokens::short(subtotal.tokens) } else { String::new() };
    write!(out, "<span class=number>{time}</span><span class=number>{count}</span>")?;
    if has_costs {
        let cost = if subtotal.has_cost { dollars(subtotal.cost) } else { String::new() };
        write!(out, "<span class=number>{cost}</span>")?;
    }
    Ok(())
}

fn bar(from: u64, to: u64) -> String {
    format!("<span class=track><i style=\"--start:{from};--end:{to}\"></i></span>")
}

fn classes(line: &ObservationLine, failed: bool) -> String {
    let failed = if failed { "failed" } else { "" };
    let mut classes = vec![line.kind_name(), level(line), failed];
    classes.retain(|class| !class.is_empty());
    classes.sort_unstable();
    classes.join(" ")
}

fn level(line: &ObservationLine) -> &'static str {
    match line.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Default => "",
    }
}

/// Its outcome, unless it ended well.
fn ending(line: &ObservationLine) -> String {
    match line.level {
        Level::Default => String::new(),
        _ => {
            let text = format!("{}: {}", line.level.as_str(), line.status_message);
            format!(" <span class={}>{}</span>", level(line), escaped(&text))
        }
    }
}

fn since(later: Timestamp, earlier: Timestamp) -> u64 {
    later.as_millis().saturating_sub(earlier.as_millis())
}
