//! Who takes what is sent: the Langfuse stand-in by HTTP, or a server that takes anything by HTTPS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::support::MockLangfuse;
use super::support::tls::{GOOD, KEY, authority, server_config};

pub enum Server {
    Plain(MockLangfuse),
    Tls(TlsServer),
}

/// Answers every request as Langfuse acknowledges one.
pub struct TlsServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub fn plain() -> Self {
        Self::Plain(MockLangfuse::start())
    }

    pub fn tls() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, config) = (Arc::clone(&requests), server_config(GOOD, KEY));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, config) = (Arc::clone(&counter), Arc::clone(&config));
                std::thread::spawn(move || serve(stream, config, &counter));
            }
        });
        Self::Tls(TlsServer { address, requests })
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

    /// Writes the certificate that vouches for the server.
    pub fn write_authority(path: &Path) {
        std::fs::write(path, authority()).expect("a file for the certificate");
    }

    /// How many requests with spans came in.
    pub fn exports(&self) -> usize {
        match self {
            Self::Plain(mock) => mock.exports().len(),
            Self::Tls(server) => server.requests.load(Ordering::SeqCst),
        }
    }

    /// Forgets them.
    pub fn clear(&self) {
        match self {
            Self::Plain(mock) => mock.clear(),
            Self::Tls(server) => server.requests.store(0, Ordering::SeqCst),
        }
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, requests: &AtomicUsize) {
    drop(stream.set_nodelay(true));
    let session = ServerConnection::new(config).expect("a TLS session");
    let mut stream = StreamOwned::new(session, stream);
    while read_request(&mut stream).is_some() {
        requests.fetch_add(1, Ordering::SeqCst);
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(stream: &mut impl Read) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.trim().parse().ok()?];
    stream.read_exact(&mut body).ok()
}
