//! Receives requests: the mock Langfuse by HTTP, or a server that accepts anything by HTTPS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use langfuse_mock::MockLangfuse;
use langfuse_mock::tls::{GOOD, KEY, authority, server_config};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub enum Server {
    Plain(MockLangfuse),
    Tls(TlsServer),
}

/// Answers every request like Langfuse's acknowledgement.
pub struct TlsServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Server {
    pub fn plain() -> Self {
        Self::Plain(MockLangfuse::start())
    }

    pub fn tls() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(AtomicUsize::new(0));
        let bytes = Arc::new(AtomicUsize::new(0));
        let (counter, config) = (Arc::clone(&requests), server_config(GOOD, KEY));
        let sum = Arc::clone(&bytes);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, config) = (Arc::clone(&counter), Arc::clone(&config));
                let sum = Arc::clone(&sum);
                std::thread::spawn(move || serve(stream, config, &counter, &sum));
            }
        });
        Self::Tls(TlsServer { address, requests, bytes })
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Plain(mock) => mock.address(),
            Self::Tls(server) => server.address,
        }
    }

    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Plain(_) => "http",
            Self::Tls(_) => "https",
        }
    }

    /// Writes the server's certificate authority.
    pub fn write_authority(path: &Path) {
        std::fs::write(path, authority()).expect("a file for the certificate");
    }

    /// Number of received requests with spans.
    pub fn exports(&self) -> usize {
        match self {
            Self::Plain(mock) => mock.exports().len(),
            Self::Tls(server) => server.requests.load(Ordering::SeqCst),
        }
    }

    /// Total length of their bodies.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Plain(mock) => mock.exports().iter().map(|export| export.body.len()).sum(),
            Self::Tls(server) => server.bytes.load(Ordering::SeqCst),
        }
    }

    /// Resets these counts.
    pub fn clear(&self) {
        match self {
            Self::Plain(mock) => mock.clear(),
            Self::Tls(server) => {
                server.requests.store(0, Ordering::SeqCst);
                server.bytes.store(0, Ordering::SeqCst);
            }
        }
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    requests: &AtomicUsize,
    bytes: &AtomicUsize,
) {
    drop(stream.set_nodelay(true));
    let session = ServerConnection::new(config).expect("a TLS session");
    let mut stream = StreamOwned::new(session, stream);
    while let Some(length) = read_request(&mut stream) {
        bytes.fetch_add(length, Ordering::SeqCst);
        requests.fetch_add(1, Ordering::SeqCst);
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a request with a length or in chunks; returns the length of its body.
fn read_request(stream: &mut impl Read) -> Option<usize> {
    let head = read_until(stream, b"\r\n\r\n")?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length {
        return read_exactly(stream, length.trim().parse().ok()?);
    }
    let mut whole = 0;
    loop {
        let size = read_until(stream, b"\r\n")?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        whole += size;
        read_exactly(stream, size + 2)?;
        if size == 0 {
            return Some(whole);
        }
    }
}

fn read_until(stream: &mut impl Read, end: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end) {
        stream.read_exact(&mut byte).ok()?;
        text.extend(byte);
    }
    String::from_utf8(text).ok()
}

fn read_exactly(stream: &mut impl Read, length: usize) -> Option<usize> {
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(length)
}
