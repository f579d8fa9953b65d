//! Output of commands: results for people and for scripts, errors, progress, and the terminal that shows them.

pub(super) mod diff;
pub(super) mod errors;
pub(super) mod grid;
pub(super) mod output_file;
pub(super) mod progress;
pub(in crate::commands) mod prompt;
pub(super) mod report;
pub(in crate::commands) mod screen;
pub(super) mod summary;
pub(super) mod tables;
pub(super) mod terminal;
pub(super) mod text;
pub(super) mod tokens;
