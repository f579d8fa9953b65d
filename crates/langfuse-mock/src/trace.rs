//! Rows as traces and sessions, as trees of any input.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Row;

/// The rows of one trace, sorted by start, name and span.
pub(crate) struct Trace<'a> {
    pub rows: Vec<&'a Row>,
}

/// Traces by session, both in order of their start. A trace belongs to the session of its first row that names one.
pub(crate) fn sessions(rows: &[Row]) -> Vec<(Option<&str>, Vec<Trace<'_>>)> {
    let mut by_trace: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_trace.entry(&row.trace_id).or_default().push(row);
    }
    let mut traces: Vec<Trace<'_>> = by_trace.into_values().map(Trace::new).collect();
    traces.sort_by_key(|trace| (trace.start_ms(), trace.rows[0].trace_id.as_str()));
    let mut sessions: Vec<(Option<&str>, Vec<Trace<'_>>)> = Vec::new();
    for trace in traces {
        let id = trace.rows.iter().find_map(|row| row.session_id.as_deref());
        match sessions.iter_mut().find(|(session, _)| *session == id) {
            Some((_, traces)) => traces.push(trace),
            None => sessions.push((id, vec![trace])),
        }
    }
    sessions
}

impl<'a> Trace<'a> {
    fn new(mut rows: Vec<&'a Row>) -> Self {
        rows.sort_by_key(|row| (row.start_ms, row.name.as_str(), row.span_id.as_str()));
        Self { rows }
    }

    /// The earliest start in the trace.
    pub(crate) fn start_ms(&self) -> i64 {
        self.rows.first().map_or(0, |row| row.start_ms)
    }

    /// The representative row of the trace: its first root, otherwise its first row.
    pub(crate) fn head(&self) -> &'a Row {
        self.rows.iter().find(|row| row.parent_span_id.is_none()).unwrap_or(&self.rows[0])
    }

    /// The trace's name: the first one given, else the root's.
    pub(crate) fn name(&self) -> &'a str {
        let given = self
            .rows
            .iter()
            .filter_map(|row| row.trace_name.as_deref())
            .find(|name| !name.is_empty());
        given.unwrap_or(&self.head().name)
    }

    /// Visits every row from the roots down, with its branch characters and a note if its place is unusual.
    pub(crate) fn walk(&self, mut visit: impl FnMut(&str, &'a Row, &str)) {
        let ids: BTreeSet<&str> = self.rows.iter().map(|row| row.span_id.as_str()).collect();
        let parent_of = |row: &Row| {
            row.parent_span_id.as_deref().filter(|parent| ids.contains(parent)).map(str::to_owned)
        };
        let mut tops: Vec<&Row> =
            self.rows.iter().copied().filter(|row| parent_of(row).is_none()).collect();
        let mut seen = BTreeSet::new();
        for top in &tops {
            self.mark(top, &mut seen);
        }
        // Rows that no root leads to form a circle, which is shown from its first row on.
        for row in &self.rows {
            if !seen.contains(&row.key()) {
                tops.push(row);
                self.mark(row, &mut seen);
            }
        }
        let mut visited = BTreeSet::new();
        let last = tops.len().saturating_sub(1);
        for (index, top) in tops.into_iter().enumerate() {
            let note = match top.parent_span_id.as_deref() {
                None => String::new(),
                Some(parent) if ids.contains(parent) => "  (in a circle)".to_owned(),
                Some(parent) => format!("  (parent {parent} is not here)"),
            };
            self.visit(top, "", index == last, &note, &mut visited, &mut visit);
        }
    }

    fn mark(&self, row: &'a Row, seen: &mut BTreeSet<(&'a str, &'a str, i64)>) {
        if seen.insert(row.key()) {
            self.children(row).for_each(|child| self.mark(child, seen));
        }
    }

    /// The children of this row. Of rows with one span id only the first has children.
    fn children(&self, row: &Row) -> impl Iterator<Item = &'a Row> {
        let first = self.rows.iter().find(|other| other.span_id == row.span_id);
        let id = first.filter(|first| first.key() == row.key()).map(|first| first.span_id.clone());
        self.rows.iter().copied().filter(move |child| id.is_some() && child.parent_span_id == id)
    }

    fn visit(
        &self,
        row: &'a Row,
        indent: &str,
        last: bool,
        note: &str,
        visited: &mut BTreeSet<(&'a str, &'a str, i64)>,
        visit: &mut impl FnMut(&str, &'a Row, &str),
    ) {
        if !visited.insert(row.key()) {
            return;
        }
        let again = self
            .rows
            .iter()
            .any(|other| other.span_id == row.span_id && other.start_ms < row.start_ms);
        let note = format!(
            "{note}{}",
            if again { "  (this span id again, with another start)" } else { "" }
        );
        visit(&format!("{indent}{}", if last { "└ " } else { "├ " }), row, &note);
        let below = format!("{indent}{}", if last { "  " } else { "│ " });
        let children: Vec<&Row> =
            self.children(row).filter(|child| !visited.contains(&child.key())).collect();
        let count = children.len();
        for (index, child) in children.into_iter().enumerate() {
            self.visit(child, &below, index + 1 == count, "", visited, visit);
        }
    }
}
