//! State between runs: the progress of each session, and the back-off per server. No conversation text: the
//! transcript itself is the spool.

mod allowed;
mod archive;
mod backoff;
mod cached_facts;
mod checksum;
mod cursor;
mod declined;
mod delivered;
mod experiments;
mod files;
mod instructions;
mod legacy_hooks;
mod lock;
mod mark;
mod media;
mod notices;
mod pause;
mod placement;
mod prices;
mod prompt_versions;
mod runs;
mod skipped;
mod store;
mod subagent;
mod suspended;
mod title_place;

pub use allowed::{Allowed, AllowedEntry};
pub use backoff::{Backoff, MIN_REQUEST_BYTES};
pub use cursor::{Cursor, Launcher, OpenTurn, PendingLaunch, SettledStop};
pub use delivered::{Delivered, WaitingSession};
pub use instructions::KnownInstructions;
pub use legacy_hooks::LegacyHookState;
pub use lock::Lock;
pub use mark::Mark;
pub use media::PendingMedia;
pub use pause::{PausedTime, Pauses};
pub use placement::Placement;
pub use prices::StoredPrices;
pub use prompt_versions::{PromptVersion, PromptVersions, prompt_name};
pub use runs::{Runs, Within};
pub use skipped::{SkipReason, SkippedRange, TurnIdentity};
pub use store::{SessionKey, Store};
pub use subagent::{Done, Life, Link, Subagent};
pub use suspended::{SuspendedOpening, Suspension};
pub use title_place::TitlePlace;
