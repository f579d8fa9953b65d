//! A scripted server: one closure per connection.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// A received request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Reads one request, `None` when the client has gone.
    pub(crate) fn read(stream: &mut impl Read) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next()?.to_owned();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or("0", String::as_str);
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).ok()?;
        Some(Self { line, headers, body })
    }
}

/// One connection, as passed to the test's closure.
pub(crate) struct Connection {
    /// 0 for the first.
    pub(crate) number: usize,
    pub(crate) stream: TcpStream,
    seen: Sender<Request>,
}

impl Connection {
    /// Reads one request and shows it to the test.
    pub(crate) fn request(&mut self) -> bool {
        let request = Request::read(&mut self.stream);
        request.is_some_and(|request| self.seen.send(request).is_ok())
    }

    /// Writes, and ignores errors of a closed connection.
    pub(crate) fn write(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(text.as_ref()).is_ok()
    }

    /// Writes one byte at a time until the client closes the connection.
    pub(crate) fn trickle(&mut self, text: &str) {
        for byte in text.bytes() {
            thread::sleep(Duration::from_millis(40));
            if !self.write([byte]) {
                return;
            }
        }
    }

    /// Answers with this status and JSON.
    pub(crate) fn answer(&mut self, status: u16, body: &str) {
        let length = body.len();
        self.write(format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
    }
}

/// A server on a free port of this machine, for as long as the test runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Receiver<Request>,
}

impl Server {
    pub(crate) fn new(mut handle: impl FnMut(&mut Connection) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = mpsc::channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let seen = sender.clone();
                handle(&mut Connection { number, stream, seen });
            }
        });
        Self { address, seen }
    }

    /// A server that reads each request and answers with this text.
    pub(crate) fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::new(move |connection| {
            if connection.request() {
                connection.write(&answer);
            }
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.try_iter().collect()
    }
}
