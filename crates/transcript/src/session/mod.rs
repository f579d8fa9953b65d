//! What happened: turns, model calls, tools and agents, made from a lane's entries. Pure; no file, no wire.

mod activity;
mod calls;
pub mod fork;
mod legacy_sidechains;
mod lineage;
mod outline;
mod turns;

pub use activity::Activity;
pub use calls::{Compaction, Event, EventKind, Generation, InputItem, ToolCall};
pub use legacy_sidechains::LegacySidechains;
pub use lineage::Lineage;
pub use outline::{Calls, Outline, TurnOutline};
pub use turns::{AgentRun, Opening, Rewind, Turn, Turns};
