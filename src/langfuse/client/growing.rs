//! An export that leaves while its last part is not known yet. So nobody knows its length either, and it goes in chunks.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use flate2::write::GzEncoder;
use ureq::typestate::WithBody;
use ureq::{RequestBuilder, SendBody};

use super::answer::Received;
use super::{ACKNOWLEDGEMENT, Answered, Client, TRACES};
use crate::langfuse::body::compressor;
use crate::langfuse::deadline::Deadline;
use crate::langfuse::failure::Failure;
use crate::langfuse::reply::Reply;

/// A request on its way. Given up, it gets no end, and no server takes it.
#[derive(Debug)]
pub struct Growing {
    compressed: GzEncoder<Vec<u8>>,
    pipe: PipeWriter,
    is_whole: Arc<AtomicBool>,
    answer: JoinHandle<Answered>,
    /// How many bytes of the body were handed on.
    wire_len: usize,
}

impl Client {
    /// Begins an export over the connection that was opened ahead. Where there is none, nothing is begun.
    pub fn begin(&self, first: &str, deadline: Deadline) -> Option<Growing> {
        if !self.used || self.proxy.is_some() || deadline.has_passed() {
            return None;
        }
        let request = self
            .posting(TRACES, deadline)
            .header("Content-Encoding", "gzip");
        Growing::begin(request, first).ok()
    }

    /// Ends an export that was begun; gives what came of it, and how long its body was. Never blocks past the deadline.
    pub fn finish(
        &mut self,
        mut growing: Growing,
        last: &str,
        deadline: Deadline,
    ) -> (Reply, usize) {
        let (answer, wire_len) = self.watched(deadline, |_| {
            // Where that fails, the answer tells why.
            let _ = growing.end(last);
            let wire_len = growing.wire_len;
            let answer = growing.answer();
            let received =
                answer.map(|response| Received::read(response, ACKNOWLEDGEMENT, deadline));
            (received, wire_len)
        });
        let reply = match answer {
            Ok(received) => {
                self.server_time = received.server_time();
                received.meaning(&self.server())
            }
            Err(error) => {
                // The next request gets a connection of its own.
                self.used = false;
                self.explain(&Failure {
                    too_late: deadline.has_passed(),
                    started: true,
                    wire_len,
                    error,
                })
            }
        };
        log::debug!("sent {wire_len} bytes in chunks: {reply:?}");
        (reply, wire_len)
    }
}

impl Growing {
    fn begin(request: RequestBuilder<WithBody>, first: &str) -> io::Result<Self> {
        let (reader, pipe) = io::pipe()?;
        let is_whole = Arc::<AtomicBool>::default();
        let mut pieces = Pieces {
            pipe: reader,
            is_whole: Arc::clone(&is_whole),
        };
        let send = move || request.send(SendBody::from_reader(&mut pieces));
        let mut growing = Self {
            compressed: compressor(),
            pipe,
            is_whole,
            answer: thread::Builder::new().spawn(send)?,
            wire_len: 0,
        };
        growing.compressed.write_all(first.as_bytes())?;
        growing.compressed.flush()?;
        growing.hand_on()?;
        Ok(growing)
    }

    /// How many bytes of the body have left.
    pub fn wire_len(&self) -> usize {
        self.wire_len
    }

    fn end(&mut self, last: &str) -> io::Result<()> {
        self.compressed.write_all(last.as_bytes())?;
        self.compressed.try_finish()?;
        self.hand_on()?;
        self.is_whole.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let ready = std::mem::take(self.compressed.get_mut());
        self.wire_len += ready.len();
        self.pipe.write_all(&ready)
    }

    /// Nothing more comes.
    fn answer(self) -> Answered {
        drop(self.pipe);
        let answer = self.answer.join();
        answer.unwrap_or(Err(ureq::Error::ConnectionFailed))
    }
}

/// The body as the connection reads it.
struct Pieces {
    pipe: PipeReader,
    is_whole: Arc<AtomicBool>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.pipe.read(buffer)?;
        if length == 0 && !self.is_whole.load(Ordering::SeqCst) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(length)
    }
}
