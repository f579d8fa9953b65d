//! Guarantees in case of faults: `docs/guarantees.md` names these tests.

mod crash;
mod crowd;
mod disk;
mod foreign_state;
mod input;
mod limits;
mod locks;
mod long;
mod memory;
mod odd;
pub(crate) mod oracle;
mod resets;
mod secrets;
mod slow_link;
