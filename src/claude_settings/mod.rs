//! How Claude Code comes to call us: what its settings files register, and how our entry gets in and out. `install`
//! changes one file by it, `doctor` reads all of them.

mod command;
mod edit;
mod file;
mod hooks;
mod program;
mod survey;

pub use command::guarded;
pub use edit::{register, unregister};
pub use file::SettingsFile;
pub use hooks::{Entry, Hooks};
pub use program::stable_program;
pub use survey::{Surveyed, survey, switched_off};

/// The events to register for. No others: older releases of Claude Code switch all hooks off when they meet an event
/// that they don't know.
pub const EVENTS: [&str; 2] = ["Stop", "SessionEnd"];

/// Seconds for SessionEnd, where Claude Code's own limit is 1.5 s, which a slow link does not keep.
pub const SESSION_END_TIMEOUT: u32 = 10;
