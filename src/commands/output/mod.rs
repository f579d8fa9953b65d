//! What commands print: results for people and for scripts, progress, and how a terminal shows them.

pub(super) mod diff;
pub(super) mod progress;
pub(super) mod report;
pub(super) mod summary;
pub(super) mod tables;
pub(super) mod terminal;
pub(super) mod tokens;
