//! Local ports that record connections.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// A port to which nothing may connect.
pub(crate) struct ConnectionProbe(TcpListener);

impl ConnectionProbe {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Nobody has connected.
    pub(crate) fn assert_untouched(&self) {
        let error = self.0.accept().expect_err("somebody has connected");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}

/// A port before a server that counts connections.
pub(crate) struct Relay {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    connected: Receiver<()>,
}

impl Relay {
    /// Forwards to `server` until the test ends.
    pub(crate) fn to(server: SocketAddr) -> Self {
        Self::with_rate(server, None)
    }

    /// Forwards at most this many bytes per second to `server`.
    pub(crate) fn slow(server: SocketAddr, rate: usize) -> Self {
        Self::with_rate(server, Some(rate))
    }

    fn with_rate(server: SocketAddr, rate: Option<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (tell, connected) = mpsc::channel();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = tell.send(());
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                forward(&client, &server, rate);
                forward(&server, &client, None);
            }
        });
        Self { address, connections, connected }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for one connection, or one more per call.
    pub(crate) fn wait_for_connection(&self) {
        let come = self.connected.recv_timeout(Duration::from_secs(300));
        come.expect("nobody has connected");
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn forward(from: &TcpStream, to: &TcpStream, rate: Option<usize>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        // In any case, the other side must see the end.
        let _ = copy(&mut from, &mut to, rate);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// The link has a simulated clock: no test waits for it.
fn copy(from: &mut TcpStream, to: &mut TcpStream, rate: Option<usize>) -> io::Result<()> {
    let mut some = [0; 1024];
    loop {
        let length = from.read(&mut some)?;
        if length == 0 {
            return Ok(());
        }
        if let Some(rate) = rate {
            std::thread::sleep(Duration::from_micros((length * 1_000_000 / rate) as u64));
        }
        to.write_all(&some[..length])?;
    }
}

/// A free port that stays free: systems assign no port of this range, and each test gets its own.
pub(crate) fn unused_address() -> SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let first = std::process::id() as usize * 7;
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::SeqCst));
    let mut addresses = ports.map(|port| {
        let port = u16::try_from(20_000 + port % 10_000).unwrap();
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    });
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    addresses.find(is_free).unwrap()
}
