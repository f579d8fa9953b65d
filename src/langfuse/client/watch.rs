//! Closes the connection under a request at its deadline.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ureq::Agent;

/// A watch over one request.
pub(super) struct Watch {
    done: Sender<()>,
    thread: Option<JoinHandle<bool>>,
}

impl Watch {
    /// Closes the connections of this agent after `limit`.
    pub(super) fn begin(agent: &Agent, limit: Duration) -> Self {
        let (done, waiting) = mpsc::channel();
        let agent = agent.clone();
        let watch = move || {
            let is_late = waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if is_late {
                agent.shutdown();
            }
            is_late
        };
        Self { done, thread: thread::Builder::new().spawn(watch).ok() }
    }

    /// Ends the watch. Returns whether the deadline came first.
    pub(super) fn end(self) -> bool {
        drop(self.done);
        let is_late = self.thread.map(JoinHandle::join);
        is_late.is_some_and(|is_late| is_late.unwrap_or(true))
    }
}
