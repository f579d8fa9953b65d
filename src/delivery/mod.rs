//! The pipeline: rows (`tail`) → changed spans (`plan`) → requests (`upload`) → acknowledged spans (`ledger`). Hook,
//! flush and replay share it, so that a session arrives as the same rows whichever of them sends it, and in whichever
//! pieces.

mod agents;
mod contexts;
mod decline;
mod exporter;
mod forget;
mod health;
mod instructions;
mod ledger;
mod media;
mod outline;
mod pending;
mod plan;
mod prompt_links;
mod queue;
mod request_shapes;
mod rewind;
mod run;
mod skipped;
mod start;
mod suspend;
mod tail;
mod terms;
mod titles;
mod transport;
mod turns;
mod untouched;
mod upload;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::langfuse::{Body, Problem, Verdict};
use crate::privacy::Policy;
use crate::score::Score;
use crate::state::{PausedTime, PendingMedia, Store, Suspension};
use crate::trace::{Attributes, TraceId};

use base::Timestamp;
pub use decline::decline;
pub use forget::{Forgotten, note_forgotten};
pub use health::note_health;
pub use queue::MAX_REQUEST_BYTES;
pub use run::deliver;
pub use suspend::note_suspended;
pub use tail::find_transcript;
use transcript::Diagnostics;
use transcript::completion::Expected;
use transcript::lineage::{Guests, OwnRows, SessionIds};
pub use transport::{HttpTransport, Unavailable};

/// Carries requests to a server: the HTTP client, a dry run, or a test server.
pub trait Transport {
    /// Sends one request. `raw` is the body before compression.
    fn send(&mut self, raw: &str, body: &Body) -> Verdict;

    /// Uploads an image or a document.
    ///
    /// # Errors
    /// The verdict of a failed upload.
    fn upload_media(&mut self, _media: &PendingMedia, _bytes: &[u8]) -> Result<(), Verdict> {
        Ok(())
    }

    /// Connects ahead of the first request.
    ///
    /// # Errors
    /// The verdict that a request would get.
    fn prepare(&mut self) -> Result<(), Verdict> {
        Ok(())
    }

    /// Whether the server answers as Langfuse now, to a request that no firewall has a reason to reject.
    fn is_langfuse(&mut self) -> bool {
        false
    }

    /// Sends at most [`MAX_SCORES_PER_REQUEST`](crate::langfuse::MAX_SCORES_PER_REQUEST) scores. Returns how many
    /// were refused for good.
    ///
    /// # Errors
    /// The verdict, if no score was accepted.
    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict>;

    /// Why nothing can be sent, if that is known before a try.
    fn unavailable(&self) -> Option<&str> {
        None
    }
}

/// One session to deliver.
#[derive(Clone, Debug)]
pub struct Job {
    pub session_id: String,
    pub transcript: PathBuf,
    /// The file belongs to another session, and rows of this one were written into it.
    pub is_guest: bool,
    /// Digest of base URL and public key.
    pub destination: String,
    /// Which part of the session is wanted.
    pub extent: Extent,
    /// The event that started the delivery.
    pub trigger: Trigger,
    /// Attributes that the configuration adds to every span.
    pub attributes: Attributes,
    /// Capture mode and masking.
    pub policy: Policy,
    /// How the agreement of a turn's first delivery limits the policy.
    pub agreed: Agreed,
    /// Turns are scored by their outcome.
    pub scores: bool,
    /// A person named the session, so that declined and paused turns are sent too.
    pub is_named: bool,
    /// A person agreed to resend forgotten turns.
    pub sends_forgotten: bool,
    /// Turns opened within these times are not sent.
    pub paused: Vec<PausedTime>,
    /// Turns within these byte ranges of the file are not sent.
    pub declined: Vec<Range<u64>>,
    /// The first turn that an unusable configuration held back. First contact begins there.
    pub suspended: Option<Suspension>,
    /// The largest request, compressed, in bytes. A slow link must make progress within a hook's budget.
    pub wire_limit: Option<usize>,
}

impl Job {
    /// A replay of a named session sends declined turns. Any other delivery leaves them unsent.
    fn sends_declined(&self) -> bool {
        self.is_named && !self.extent.is_automatic()
    }

    /// The session ids that the session's rows may carry.
    fn ids(&self) -> SessionIds {
        match self.is_guest {
            true => SessionIds::of_guest(&self.session_id),
            false => SessionIds::new(&self.session_id, &self.transcript),
        }
    }

    /// Separates the session's rows from other rows. Own rows begin at `own_from`.
    fn rows_from(&self, own_from: u64) -> OwnRows {
        let mut own_rows = OwnRows::new(self.ids(), &self.transcript);
        own_rows.begin_at(own_from);
        own_rows
    }

    /// A session to deliver under its configuration, with requests of any size.
    pub fn new(
        session_id: &str,
        transcript: &Path,
        config: &Config,
        destination: &str,
        extent: Extent,
        trigger: Trigger,
    ) -> Self {
        Self {
            session_id: session_id.to_owned(),
            transcript: transcript.to_owned(),
            is_guest: false,
            destination: destination.to_owned(),
            extent,
            trigger,
            attributes: Attributes::from(config),
            policy: Policy::from(config),
            agreed: Agreed::Kept,
            scores: config.scores,
            is_named: true,
            sends_forgotten: false,
            paused: Vec::new(),
            declined: Vec::new(),
            suspended: None,
            wire_limit: None,
        }
    }
}

/// How the agreement of a turn's first delivery limits today's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// The stricter of both applies.
    Kept,
    /// A person named another capture mode for the session. Patterns still apply.
    AnyCapture,
    /// Today's policy alone applies: nothing leaves the machine.
    Ignored,
}

/// Which part of a session is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Rows behind the cursor. Without a cursor: the last turn, and the turns directly before it without a finished
    /// answer.
    Live,
    /// Rows behind the cursor. Without a cursor: nothing.
    Resume,
    /// Rows behind the cursor, and skipped turns.
    Backfill,
    /// All rows, acknowledged or not.
    Resend,
}

impl Extent {
    /// No replay asked for it.
    fn is_automatic(self) -> bool {
        matches!(self, Self::Live | Self::Resume)
    }
}

/// The event that started a delivery, which tells whether the session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A Stop hook: wait for the turn's last row.
    Stop(Expected),
    /// A SessionEnd hook: no more rows will come.
    SessionEnd,
    /// No event: the rows and their age decide.
    Sweep {
        /// The time from which the age is counted.
        now: Timestamp,
    },
}

/// The outcome of a delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Acknowledged spans.
    pub spans: usize,
    /// Turns among them.
    pub turns: usize,
    /// The traces of those turns, in order.
    pub traces: Vec<TraceId>,
    /// Acknowledged scores.
    pub scores: usize,
    /// Acknowledged requests.
    pub requests: usize,
    /// Their size on the wire, in bytes.
    pub bytes: usize,
    /// Spans that the server refused. Later runs retry them.
    pub postponed: usize,
    /// Images and documents left for later runs.
    pub media_left: usize,
    /// Turns and agents with unsent spans, because the mask patterns agreed for them are no longer configured.
    pub withheld: usize,
    /// Declined or paused turns in a session that no person named.
    pub declined: usize,
    /// Turns that a person deleted in Langfuse.
    pub forgotten: usize,
    /// Turns of the session from which this one was copied. That session sends them.
    pub inherited: usize,
    /// Reasons for which spans were left out after repeated refusals.
    pub refused: Vec<String>,
    /// The size of the smallest request that was too large for the server or for the time, in bytes on the wire.
    pub too_large: Option<usize>,
    /// Why the delivery ended early.
    pub stopped: Option<Stopped>,
    /// The last turn is not over. The rest of it is sent when it is.
    pub unfinished: bool,
    /// Why state could not be written. The spans were sent anyway.
    pub unsaved: Option<String>,
    /// The directory in which the session was started.
    pub start_directory: Option<PathBuf>,
    /// Other sessions with rows in the file.
    pub guests: Guests,
    /// Lines that could not be read.
    pub diagnostics: Diagnostics,
}

impl Report {
    /// The server accepted nothing.
    pub fn is_empty(&self) -> bool {
        self.spans == 0 && self.scores == 0
    }

    /// Something is left for a later run.
    pub fn has_leftover(&self) -> bool {
        self.stopped.is_some() || self.postponed > 0 || self.media_left > 0
    }
}

/// Why a delivery ended early. Nothing is lost: the cursor is at the last acknowledged span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// One line for people.
    pub reason: String,
    /// The server's Retry-After.
    pub retry_after: Option<std::time::Duration>,
    /// The problem, if only the user can fix it.
    pub problem: Option<Problem>,
}

/// How a delivery may use the stored cursors.
#[derive(Clone, Copy, Debug)]
pub enum StateAccess<'a> {
    /// Reads and writes them.
    ReadWrite(&'a Store),
    /// Reads them (a dry run).
    ReadOnly(&'a Store),
    /// Uses none.
    None,
}

impl<'a> StateAccess<'a> {
    fn reader(self) -> Option<&'a Store> {
        match self {
            Self::ReadWrite(store) | Self::ReadOnly(store) => Some(store),
            Self::None => None,
        }
    }

    fn writer(self) -> Option<&'a Store> {
        match self {
            Self::ReadWrite(store) => Some(store),
            Self::ReadOnly(_) | Self::None => None,
        }
    }
}
