//! The table of sessions. A narrow terminal gets fewer columns: people recognise a session by its title.

use unicode_width::UnicodeWidthStr;

use crate::commands::output::truncate;

/// Width of the id prefix, which other commands take.
const ID_WIDTH: usize = 8;
/// Width of a title if lines may have any length.
const TITLE_WIDTH: usize = 60;
/// Minimum width of a title; other columns are left out for it.
const MIN_TITLE_WIDTH: usize = 16;
/// Spaces between two columns.
const GAP: usize = 2;

/// One row.
pub(in crate::commands) struct SessionCells {
    /// Prefix of the id.
    pub id: String,
    pub last: String,
    pub project: String,
    pub model: String,
    pub sent: String,
    pub cost: String,
    pub tokens: String,
    pub title: String,
}

/// A column between the id and the title.
struct SessionColumn {
    /// 1 for the column that is left out last.
    importance: u8,
    name: &'static str,
    width: usize,
    alignment: Alignment,
    cell: fn(&SessionCells) -> &str,
}

enum Alignment {
    Left,
    Right,
}

/// From left to right.
const COLUMNS: [SessionColumn; 6] = [
    column(1, "LAST", 16, Alignment::Left, |cells| &cells.last),
    column(3, "PROJECT", 16, Alignment::Left, |cells| &cells.project),
    column(5, "MODEL", 12, Alignment::Left, |cells| &cells.model),
    column(2, "SENT", 7, Alignment::Right, |cells| &cells.sent),
    column(4, "COST", 8, Alignment::Right, |cells| &cells.cost),
    column(6, "TOKENS", 6, Alignment::Right, |cells| &cells.tokens),
];

const fn column(
    importance: u8,
    name: &'static str,
    width: usize,
    alignment: Alignment,
    cell: fn(&SessionCells) -> &str,
) -> SessionColumn {
    SessionColumn { importance, name, width, alignment, cell }
}

/// The columns that fit, from left to right.
pub(in crate::commands) struct SessionTable {
    shown: Vec<&'static SessionColumn>,
    width: Option<usize>,
}

impl SessionTable {
    /// Selects the columns that fit; `None` if lines may have any length.
    pub(in crate::commands) fn fitting(width: Option<usize>) -> Self {
        let mut left = width.unwrap_or(usize::MAX).saturating_sub(ID_WIDTH + GAP + MIN_TITLE_WIDTH);
        let mut kept = Vec::new();
        for importance in (1..).take(COLUMNS.len()) {
            let mut columns = COLUMNS.iter();
            let column = columns.find(|column| column.importance == importance);
            let needed = column.map_or(usize::MAX, |column| column.width + GAP);
            if needed <= left {
                left -= needed;
                kept.push(importance);
            }
        }
        let is_kept = |column: &&SessionColumn| kept.contains(&column.importance);
        let shown = COLUMNS.iter().filter(is_kept).collect();
        Self { shown, width }
    }

    pub(in crate::commands) fn header(&self) -> String {
        let names = self.shown.iter().map(|column| column.align(column.name));
        self.join("ID", names, "TITLE")
    }

    pub(in crate::commands) fn row(&self, cells: &SessionCells) -> String {
        let shown = self.shown.iter();
        let between = shown.map(|column| column.align((column.cell)(cells)));
        let title = match self.width {
            Some(_) => cells.title.clone(),
            None => truncate(&cells.title, TITLE_WIDTH),
        };
        self.join(&cells.id, between, &title)
    }

    fn join(&self, id: &str, between: impl Iterator<Item = String>, title: &str) -> String {
        let gap = " ".repeat(GAP);
        let mut line = format!("{id:ID_WIDTH$}");
        for cell in between.chain([title.to_owned()]) {
            line.push_str(&gap);
            line.push_str(&cell);
        }
        match self.width {
            Some(width) => truncate(&line, width),
            None => line,
        }
    }
}

impl SessionColumn {
    fn align(&self, cell: &str) -> String {
        let cell = truncate(cell, self.width);
        let space = " ".repeat(self.width.saturating_sub(cell.width()));
        match self.alignment {
            Alignment::Left => cell + &space,
            Alignment::Right => space + &cell,
        }
    }
}
