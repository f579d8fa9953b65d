//! Output of commands: results for people and for scripts, errors, progress, and the terminal that shows them.

mod diff;
mod errors;
mod grid;
mod output_file;
mod progress;
mod prompt;
mod report;
mod screen;
mod summary;
mod tables;
mod terminal;
mod text;
pub(super) mod tokens;

pub(super) use diff::print_masked_diff;
pub use errors::finish_usage;
pub(super) use errors::{
    error_object, finish, is_closed_pipe, merged, print_error, print_json, print_note,
};
pub(super) use grid::Grid;
pub(super) use output_file::OutputFile;
pub(super) use progress::{ProgressLine, Workload};
pub(super) use prompt::{ask, ask_hidden, ask_yes, can_ask, show};
pub(super) use report::{CheckLevel, CheckReport};
pub(super) use screen::{exact_stdout, stderr, stdout};
pub(super) use summary::{
    DeliverySummary, declined_text, forgotten_text, inherited_text, withheld_text,
};
pub(super) use tables::{SessionCells, SessionTable};
pub(super) use terminal::{
    GREEN, RED, Terminal, YELLOW, one_line, printable, stdout_width, truncate, wrap,
};
pub(super) use text::{
    broken_lines, byte_size, dollars, for_people, long_duration, milliseconds, plural,
    short_duration, shorten_home, untimed_rows, when,
};
