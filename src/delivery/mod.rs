//! The pipeline: rows (`tail`) → spans that have to be sent (`plan`) → requests (`upload`) → what was acknowledged (`ledger`).
//! Hook, flush and replay all use it, so that a session arrives as the same rows whoever sends it, in whatever pieces.

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
mod requests;
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

/// What carries requests: the client, a dry run, a server in a test.
pub trait Transport {
    /// Sends one request; `raw` is what `body` holds before compression.
    fn send(&mut self, raw: &str, body: &Body) -> Verdict;

    /// Uploads an image or a document.
    ///
    /// # Errors
    /// Why it does not count as uploaded.
    fn upload_media(&mut self, _media: &PendingMedia, _bytes: &[u8]) -> Result<(), Verdict> {
        Ok(())
    }

    /// Gets ready, because something will soon be sent.
    ///
    /// # Errors
    /// What the request would be answered.
    fn prepare(&mut self) -> Result<(), Verdict> {
        Ok(())
    }

    /// Whether the server answers as a Langfuse now, to a request that nothing before it has a reason to reject.
    fn is_langfuse(&mut self) -> bool {
        false
    }

    /// Sends scores, at most [`MAX_SCORES_PER_REQUEST`](crate::langfuse::MAX_SCORES_PER_REQUEST); gives how many of them will never be taken.
    ///
    /// # Errors
    /// Why none of them counts as taken.
    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict>;

    /// Why nothing can be sent, where that is known without a try.
    fn unavailable(&self) -> Option<&str> {
        None
    }
}

/// One session to deliver.
#[derive(Clone, Debug)]
pub struct Job {
    /// Claude Code's session id.
    pub session_id: String,
    /// The session's file.
    pub transcript: PathBuf,
    /// It is the file of another session: rows of this one were written into it.
    pub is_guest: bool,
    /// Digest of base URL and public key.
    pub destination: String,
    /// How much of the session is wanted.
    pub extent: Extent,
    /// What is known about its end.
    pub trigger: Trigger,
    /// What the configuration adds to every span.
    pub attributes: Attributes,
    /// What is taken out.
    pub policy: Policy,
    /// How far it counts what was agreed when a turn was first met.
    pub agreed: Agreed,
    /// Whether turns are scored by their outcome.
    pub scores: bool,
    /// A person named the session: what was declined or paused is sent too.
    pub is_named: bool,
    /// A person agreed to send again what was forgotten.
    pub sends_forgotten: bool,
    /// Turns opened within these times are not sent.
    pub paused: Vec<PausedTime>,
    /// Turns that stand within these parts of the file are not sent.
    pub declined: Vec<Range<u64>>,
    /// The first turn that could not be delivered while the configuration could not be used: first contact begins there.
    pub suspended: Option<Suspension>,
    /// The largest request, compressed, in bytes; a slow link must make progress within a hook's budget.
    pub wire_limit: Option<usize>,
}

impl Job {
    /// Somebody asked for this session by name; else what was declined stays unsent.
    fn sends_declined(&self) -> bool {
        self.is_named && !self.extent.is_by_itself()
    }

    /// What the rows of the session name.
    fn ids(&self) -> SessionIds {
        match self.is_guest {
            true => SessionIds::of_guest(&self.session_id),
            false => SessionIds::new(&self.session_id, &self.transcript),
        }
    }

    /// Tells rows of the session, whose own ones begin there, from others.
    fn rows_from(&self, own_from: u64) -> OwnRows {
        let mut own_rows = OwnRows::new(self.ids(), &self.transcript);
        own_rows.begin_at(own_from);
        own_rows
    }

    /// A session to deliver as its configuration says, in requests of any size.
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

/// How far it counts what was agreed about a turn's content when it was first met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// Sent is the stricter of that and of the policy.
    Kept,
    /// A person named another capture mode for the session; patterns are kept.
    AnyCapture,
    /// Nothing leaves the machine.
    Ignored,
}

/// How much of a session is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What the cursor has not seen; without a cursor the last turn, and those before it that have no finished answer.
    Live,
    /// What the cursor has not seen; without a cursor nothing.
    Resume,
    /// What the cursor has not seen, and what was passed over.
    Backfill,
    /// All of it, whatever was acknowledged.
    Resend,
}

impl Extent {
    /// No replay asked for it.
    fn is_by_itself(self) -> bool {
        matches!(self, Self::Live | Self::Resume)
    }
}

/// What is known about the end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A Stop hook: wait for the turn's last row.
    Stop(Expected),
    /// A SessionEnd hook: nothing more will be written.
    SessionEnd,
    /// Nobody told: the rows and their age decide.
    Sweep {
        /// The time to reckon the age by.
        now: Timestamp,
    },
}

/// What came of a delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Spans that were acknowledged.
    pub spans: usize,
    /// Turns among them.
    pub turns: usize,
    /// The traces of those turns, in order.
    pub traces: Vec<TraceId>,
    /// Scores that were acknowledged.
    pub scores: usize,
    /// Requests that were acknowledged.
    pub requests: usize,
    /// Their size on the wire, in bytes.
    pub bytes: usize,
    /// Spans that the server refused; later runs try them again.
    pub postponed: usize,
    /// Images and documents that later runs upload.
    pub media_left: usize,
    /// Turns and agents of which something stays here, because the mask patterns that were agreed for them are not configured.
    pub withheld: usize,
    /// Turns that were declined or paused, and that nobody asked for by name.
    pub declined: usize,
    /// Turns that a person had deleted in Langfuse.
    pub forgotten: usize,
    /// Turns that belong to the session from which this one was copied; it sends them.
    pub inherited: usize,
    /// Why spans were left out for good, after they were refused again and again.
    pub refused: Vec<String>,
    /// The size of the smallest request, in bytes on the wire, that was too large for the server or for the time.
    pub too_large: Option<usize>,
    /// Why it ended early.
    pub stopped: Option<Stopped>,
    /// The last turn is not over yet: what can still change of it is sent when it is.
    pub unfinished: bool,
    /// Why state could not be written; the spans were sent all the same.
    pub unsaved: Option<String>,
    /// The directory in which the session was started.
    pub start_directory: Option<PathBuf>,
    /// Other sessions of which rows stand in the file.
    pub guests: Guests,
    /// What could not be read.
    pub diagnostics: Diagnostics,
}

impl Report {
    /// The server has taken nothing.
    pub fn is_empty(&self) -> bool {
        self.spans == 0 && self.scores == 0
    }

    /// Something is left for a later run.
    pub fn leaves_something(&self) -> bool {
        self.stopped.is_some() || self.postponed > 0 || self.media_left > 0
    }
}

/// Why a delivery ended early. Nothing is lost: the cursor stands where the server acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// One line for people.
    pub reason: String,
    /// How long the server wants to be left alone.
    pub retry_after: Option<std::time::Duration>,
    /// What only the user can mend.
    pub problem: Option<Problem>,
}

/// Whether cursors are kept.
#[derive(Clone, Copy, Debug)]
pub enum StateAccess<'a> {
    /// They are read and written.
    ReadWrite(&'a Store),
    /// They are read only (a dry run).
    ReadOnly(&'a Store),
    /// There are none.
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
