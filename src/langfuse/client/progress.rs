//! The progress of a request. A request that was partly sent may have arrived, whatever came back.

use std::cell::Cell;
use std::io::{self, Read};

use ureq::Timeout;

/// A request body that notes its first read, because only ureq knows when the connection is made.
pub(super) struct Upload<'a> {
    pub rest: &'a [u8],
    pub started: &'a Cell<bool>,
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.started.set(true);
        self.rest.read(buffer)
    }
}

/// Whether a request without a body failed only after the connection stood.
pub(super) fn had_connected(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(timeout) => !matches!(timeout, Timeout::Resolve | Timeout::Connect),
        ureq::Error::Io(error) => {
            matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}
