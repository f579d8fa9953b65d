//! What is kept between runs: how far Langfuse has acknowledged each session, and when to leave a server alone.
//! No conversation text: the transcript itself is the spool.

mod backoff;
mod cursor;
mod delivered;
mod files;
mod former;
mod lock;
mod pause;
mod store;
mod told;

pub use backoff::Backoff;
pub use cursor::{Cursor, Done, Lane, Launcher, Link, OpenTurn, Passed, PassedLaunch, Why};
pub use delivered::{Delivered, Waiting};
pub use former::Former;
pub use lock::Lock;
pub use pause::{PausedTime, Pauses};
pub use store::Store;
