//! What happened: turns, model calls, tools and agents, made from a lane's entries. Pure; no file, no wire.

mod calls;
pub mod fork;
mod inline;
mod lineage;
mod outline;
mod turns;
mod work;

pub use calls::{Compaction, Event, EventKind, Generation, InputItem, ToolCall};
pub use inline::InlineAgents;
pub use lineage::Lineage;
pub use outline::{Calls, Outline, TurnOutline};
pub use turns::{AgentRun, Opening, Rewind, Turn, Turns};
pub use work::Work;
