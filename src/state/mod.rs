//! What is kept between runs: how far Langfuse has acknowledged each session, and when to leave a server alone.
//! No conversation text: the transcript itself is the spool.

mod allowed;
mod backoff;
mod cursor;
mod delivered;
mod files;
mod former;
mod lane;
mod lock;
mod mark;
mod pause;
mod placement;
mod resting;
mod runs;
mod store;
mod suspended;
mod told;

pub use allowed::{Allowed, AllowedEntry, grant};
pub use backoff::Backoff;
pub use cursor::{Cursor, Launcher, OpenTurn, Passed, PassedLaunch, Why};
pub use delivered::{Delivered, Waiting};
pub use former::Former;
pub use lane::{Done, Lane, Link};
pub use lock::Lock;
pub use mark::Mark;
pub use pause::{PausedTime, Pauses};
pub use placement::Placement;
pub use runs::{Runs, Within};
pub use store::Store;
pub use suspended::{SuspendedOpening, Suspension};
