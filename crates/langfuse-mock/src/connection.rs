//! One socket that speaks HTTP/1.1: reads requests strictly, writes replies, and ends in each way in which
//! connections end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::api::Answer;
use super::http::{RawRequest, message, parse_head};

const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_BODY: usize = 256 * 1024 * 1024;

/// The reason why no request could be read.
pub(crate) enum ReadError {
    /// The client is gone, or sent nothing more.
    Closed,
    /// The bytes are not HTTP as this server takes it: status and text.
    Bad(u16, &'static str),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// A connection. The last byte read stays in the socket until the reply is sent: closing a socket with unread bytes
/// makes the system send a reset.
pub(crate) struct Connection {
    stream: Arc<TcpStream>,
    buffer: Vec<u8>,
    held: bool,
}

impl Connection {
    pub(crate) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, buffer: Vec::new(), held: false }
    }

    /// The next request.
    pub(crate) fn read(&mut self) -> Result<RawRequest, ReadError> {
        let head_end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > LARGEST_HEAD {
                return Err(ReadError::Bad(431, "Request header fields too large"));
            }
            self.fill()?;
        };
        let head: Vec<u8> = self.buffer.drain(..head_end + 4).collect();
        let mut request =
            parse_head(&head[..head_end]).ok_or(ReadError::Bad(400, "Bad request"))?;
        let length = request.header("content-length").map(str::to_owned);
        let chunked = match request.header("transfer-encoding") {
            None => false,
            Some(coding) if coding.eq_ignore_ascii_case("chunked") && length.is_none() => true,
            Some(_) => return Err(ReadError::Bad(400, "Bad request")),
        };
        if request
            .header("expect")
            .is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue"))
        {
            (&*self.stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = match length {
            _ if chunked => self.chunks()?,
            None => Vec::new(),
            Some(length) => {
                let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
                let length: usize = length
                    .parse()
                    .ok()
                    .filter(|_| digits)
                    .ok_or(ReadError::Bad(400, "Bad request"))?;
                self.take(length)?
            }
        };
        Ok(request)
    }

    fn chunks(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size =
                usize::from_str_radix(size, 16).map_err(|_| ReadError::Bad(400, "Bad chunk"))?;
            if size == 0 {
                // Trailers end with an empty line.
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            if body.len() > LARGEST_BODY {
                return Err(ReadError::Bad(413, "Body too large"));
            }
            if !self.line()?.is_empty() {
                return Err(ReadError::Bad(400, "Bad chunk"));
            }
        }
    }

    fn line(&mut self) -> Result<String, ReadError> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let line = self.buffer.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| ReadError::Bad(400, "Bad chunk"));
            }
            if self.buffer.len() > LARGEST_HEAD {
                return Err(ReadError::Bad(400, "Bad chunk"));
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, ReadError> {
        if length > LARGEST_BODY {
            return Err(ReadError::Bad(413, "Body too large"));
        }
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads the available bytes. The last one is only peeked.
    fn fill(&mut self) -> io::Result<()> {
        self.release()?;
        let mut chunk = [0; 64 * 1024];
        let length = self.stream.peek(&mut chunk)?;
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        (&*self.stream).read_exact(&mut chunk[..length - 1])?;
        self.buffer.extend_from_slice(&chunk[..length]);
        self.held = true;
        Ok(())
    }

    /// Takes the byte held back out of the socket, so that closing it is an ordinary end.
    fn release(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.held) {
            (&*self.stream).read_exact(&mut [0])?;
        }
        Ok(())
    }

    /// Writes a reply.
    pub(crate) fn reply(
        &mut self,
        answer: &Answer,
        keep_alive: bool,
        with_body: bool,
    ) -> io::Result<()> {
        self.release()?;
        (&*self.stream).write_all(&message(answer, keep_alive, with_body))
    }

    /// Writes a reply byte by byte, as long as `more` allows, and ends the connection.
    pub(crate) fn drip(mut self, answer: &Answer, pause: Duration, more: impl Fn() -> bool) {
        drop(self.release());
        for byte in message(answer, false, true) {
            if !more() || (&*self.stream).write_all(&[byte]).is_err() {
                break;
            }
            std::thread::sleep(pause);
        }
        self.close();
    }

    /// Writes bytes as they are, and ends the connection.
    pub(crate) fn end_with(mut self, bytes: &[u8]) {
        drop(self.release().and_then(|()| (&*self.stream).write_all(bytes)));
        self.close();
    }

    /// Ends the connection in an orderly way. Further input is read for a moment: a reset would overtake the reply.
    pub(crate) fn close(mut self) {
        drop(self.release());
        drop(self.stream.shutdown(Shutdown::Write));
        drop(self.stream.set_read_timeout(Some(Duration::from_millis(100))));
        let mut rest = [0; 64 * 1024];
        for _ in 0..1000 {
            if !matches!((&*self.stream).read(&mut rest), Ok(length) if length > 0) {
                return;
            }
        }
    }

    /// Waits until the client is gone or `more` says no.
    pub(crate) fn hang(mut self, more: impl Fn() -> bool) {
        drop(self.release());
        drop(self.stream.set_read_timeout(Some(Duration::from_millis(20))));
        while more() {
            match (&*self.stream).read(&mut [0; 1024]) {
                Ok(0) => return,
                Err(error)
                    if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return;
                }
                _ => {}
            }
        }
    }
}
