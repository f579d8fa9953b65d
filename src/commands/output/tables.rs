//! The list in columns. A narrow terminal gets fewer of them: without its title nobody knows a session again.

use super::terminal::{cut, width};

/// Columns of the beginning of an id, by which other commands find the session.
const ID: usize = 8;
/// Columns of a title where lines may be as long as they are.
const TITLE: usize = 60;
/// Columns that a title has at least, as far as others can be left out for it.
const LEAST_TITLE: usize = 16;
/// Between two columns.
const GAP: usize = 2;

/// A session in words.
pub(in crate::commands) struct Cells {
    /// Its beginning.
    pub id: String,
    pub last: String,
    pub project: String,
    pub sent: String,
    pub tokens: String,
    pub title: String,
}

/// A column between the id and the title.
struct Column {
    /// 1 for the one that is missed most.
    importance: u8,
    name: &'static str,
    width: usize,
    alignment: Alignment,
    cell: fn(&Cells) -> &str,
}

enum Alignment {
    Left,
    Right,
}

/// From left to right.
const COLUMNS: [Column; 4] = [
    Column {
        importance: 1,
        name: "LAST (UTC)",
        width: 16,
        alignment: Alignment::Left,
        cell: |cells| &cells.last,
    },
    Column {
        importance: 3,
        name: "PROJECT",
        width: 16,
        alignment: Alignment::Left,
        cell: |cells| &cells.project,
    },
    Column {
        importance: 2,
        name: "SENT",
        width: 7,
        alignment: Alignment::Right,
        cell: |cells| &cells.sent,
    },
    Column {
        importance: 4,
        name: "TOKENS",
        width: 6,
        alignment: Alignment::Right,
        cell: |cells| &cells.tokens,
    },
];

/// The columns that are shown, from left to right.
pub(in crate::commands) struct Columns {
    shown: Vec<&'static Column>,
    width: Option<usize>,
}

impl Columns {
    /// Those for which a terminal of this width has room; `None` where lines may be as long as they are.
    pub(in crate::commands) fn within(width: Option<usize>) -> Self {
        let mut room = width
            .unwrap_or(usize::MAX)
            .saturating_sub(ID + GAP + LEAST_TITLE);
        let mut kept = Vec::new();
        for importance in 1..=4 {
            let mut columns = COLUMNS.iter();
            let column = columns.find(|column| column.importance == importance);
            let wanted = column.map_or(usize::MAX, |column| column.width + GAP);
            if wanted <= room {
                room -= wanted;
                kept.push(importance);
            }
        }
        let is_kept = |column: &&Column| kept.contains(&column.importance);
        let shown = COLUMNS.iter().filter(is_kept).collect();
        Self { shown, width }
    }

    pub(in crate::commands) fn heading(&self) -> String {
        let names = self.shown.iter().map(|column| column.aligned(column.name));
        self.joined("ID", names, "TITLE")
    }

    pub(in crate::commands) fn line(&self, cells: &Cells) -> String {
        let shown = self.shown.iter();
        let between = shown.map(|column| column.aligned((column.cell)(cells)));
        let title = match self.width {
            Some(_) => cells.title.clone(),
            None => cut(&cells.title, TITLE),
        };
        self.joined(&cells.id, between, &title)
    }

    fn joined(&self, id: &str, between: impl Iterator<Item = String>, title: &str) -> String {
        let gap = " ".repeat(GAP);
        let mut line = format!("{id:ID$}");
        for cell in between.chain([title.to_owned()]) {
            line.push_str(&gap);
            line.push_str(&cell);
        }
        match self.width {
            Some(width) => cut(&line, width),
            None => line,
        }
    }
}

impl Column {
    fn aligned(&self, cell: &str) -> String {
        let cell = cut(cell, self.width);
        let space = " ".repeat(self.width.saturating_sub(width(&cell)));
        match self.alignment {
            Alignment::Left => cell + &space,
            Alignment::Right => space + &cell,
        }
    }
}
