//! The cost of sessions and their tool calls: each session becomes rows of facts, which tables group and sum. Needs
//! no network: prices come from state.

mod activity;
mod agents;
mod asked;
mod cached;
mod dimension;
mod facts;
mod highlights;
mod local_time;
mod outcomes;
mod read;
mod reported;
mod sums;

pub use asked::{asked, requests_of};
pub use cached::{CachedFacts, stamp};
pub use dimension::Dimension;
pub use facts::{SessionFacts, ToolFacts, ToolOutcome};
pub use highlights::{Highlight, Highlights};
pub use read::{Seen, read_session};
pub use reported::reported_cost;
pub use sums::{CallSums, Groups, ToolSums};
