//! A table whose columns are as wide as their cells. On a narrow terminal the labels on the left are cut, not the numbers.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::commands::output::{Terminal, one_line, truncate};

/// Spaces between two columns.
const GAP: usize = 2;
/// Width of a label that is left on any terminal.
const MIN_LABEL_WIDTH: usize = 8;
/// Width of a label if lines may have any length.
const MAX_LABEL_WIDTH: usize = 60;

/// Rows of labels and numbers.
pub(in crate::commands) struct Grid {
    /// The number of labels, which come first.
    labels: usize,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with these headings.
    pub(in crate::commands) fn new(labels: Vec<String>, numbers: &[&str]) -> Self {
        let count = labels.len();
        let headings = labels.into_iter().chain(numbers.iter().map(|name| (*name).to_owned()));
        Self { labels: count, rows: vec![headings.collect()] }
    }

    pub(in crate::commands) fn push(&mut self, labels: Vec<String>, numbers: Vec<String>) {
        let labels = labels.into_iter().map(|label| one_line(&label));
        self.rows.push(labels.chain(numbers).collect());
    }

    /// The last row.
    pub(in crate::commands) fn push_total(&mut self, numbers: Vec<String>) {
        let mut labels = vec![String::new(); self.labels];
        if let Some(first) = labels.first_mut() {
            "total".clone_into(first);
        }
        self.push(labels, numbers);
    }

    /// Prints the lines, the headings first.
    pub(in crate::commands) fn print(
        &self,
        out: &mut dyn Write,
        terminal: Terminal,
    ) -> io::Result<()> {
        for (index, line) in self.lines(terminal.width).iter().enumerate() {
            let line = if index == 0 { &terminal.bold(line) } else { line };
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn lines(&self, width: Option<usize>) -> Vec<String> {
        let widths = self.widths(width);
        self.rows.iter().map(|row| self.line(row, &widths, width)).collect()
    }

    fn widths(&self, width: Option<usize>) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let mut widths: Vec<usize> = (0..columns)
            .map(|column| cells(column).map(|cell| cell.width()).max().unwrap_or(0))
            .collect();
        let (labels, numbers) = widths.split_at_mut(self.labels.min(columns));
        let taken: usize = numbers.iter().map(|width| width + GAP).sum();
        let gaps = GAP * labels.len().saturating_sub(1);
        let mut left = width.map(|width| width.saturating_sub(taken + gaps));
        for index in 0..labels.len() {
            let others = labels.len() - index;
            let share = left.map_or(MAX_LABEL_WIDTH, |left| (left / others).max(MIN_LABEL_WIDTH));
            if let Some(label) = labels.get_mut(index) {
                *label = (*label).min(share);
                left = left.map(|left| left.saturating_sub(*label));
            }
        }
        widths
    }

    fn line(&self, row: &[String], widths: &[usize], width: Option<usize>) -> String {
        let mut line = String::new();
        for (column, (cell, wanted)) in row.iter().zip(widths).enumerate() {
            let cell = truncate(cell, *wanted);
            let space = " ".repeat(wanted.saturating_sub(cell.width()));
            if column > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            if column < self.labels {
                line.extend([cell, space])
            } else {
                line.extend([space, cell])
            }
        }
        let line = line.trim_end();
        width.map_or_else(|| line.to_owned(), |width| truncate(line, width))
    }
}

#[cfg(test)]
mod tests {
    use super::Grid;

    #[test]
    fn narrow_tables_cut_labels_before_numbers() {
        let mut grid = Grid::new(vec!["PROJECT".to_owned(), "MODEL".to_owned()], &["CALLS"]);
        grid.push(
            vec!["a-project-with-a-long-name".to_owned(), "x".to_owned()],
            vec!["12".to_owned()],
        );
        assert_eq!(
            grid.lines(None),
            [
                "PROJECT                     MODEL  CALLS",
                "a-project-with-a-long-name  x         12"
            ]
        );
        assert_eq!(grid.lines(Some(30)), ["PROJECT     MODEL  CALLS", "a-project…  x         12"]);
        assert!(grid.lines(Some(12)).iter().all(|line| line.chars().count() <= 12));
    }
}
