//! Turns, model calls, tools and agents, built from the entries of a transcript. Pure: no file, no wire.

mod activity;
mod agent_run;
mod answers;
mod calls;
pub mod fork;
mod legacy_sidechains;
mod opening;
mod outline;
mod turns;
mod used_ids;

pub use activity::Activity;
pub use agent_run::AgentRun;
pub use calls::{Compaction, Event, EventKind, Generation, InputItem, ToolCall};
pub use legacy_sidechains::LegacySidechains;
pub use opening::Opening;
pub use outline::{Calls, Copied, Outline, TurnOutline};
pub use turns::{Done, Rewind, SessionTitle, Turn, Turns};
pub use used_ids::again;
