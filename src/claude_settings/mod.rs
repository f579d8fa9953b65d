//! The hooks in Claude Code's settings files: `install` registers ours in one file, `doctor` reads all of them.

mod change;
mod command;
mod edit;
mod exporters;
mod hooks;
mod namesake;
mod program;
mod slash_commands;
mod survey;
mod telemetry;

pub use change::{Action, SettingsChange};
pub use command::guarded;
pub use exporters::{OtherExporter, other_exporters};
pub use hooks::{Entry, Hooks};
pub use namesake::find as find_program;
pub use program::stable_program;
pub use slash_commands::{add_slash_command, remove_slash_command, slash_commands};
pub use survey::{Surveyed, may_be_called_by_administrator, survey, switched_off};

/// The events to register. Only these: older releases of Claude Code switch all hooks off at an unknown event.
pub const EVENTS: [&str; 2] = ["Stop", "SessionEnd"];

/// Seconds for SessionEnd. Claude Code's own limit is 1.5 s, which is too short for slow links.
pub const SESSION_END_TIMEOUT: u32 = 10;
