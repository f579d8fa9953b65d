//! A simulated link between a hook and its server on this machine. A connection is established after one round trip, and
//! bytes sent earlier wait until then. It consists of threads, so it needs no privileges.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::scene::Scene;
use super::synthetic::Release;

pub const NAME: &str = "a Stop over a link";

/// Typical time from the call of a Stop hook to the row that it waits for.
const LATE: Duration = Duration::from_millis(90);
/// TCP's segment size in bytes, and the number of segments before the first acknowledgement.
const SEGMENT: usize = 1460;
const FIRST_WINDOW: usize = 10 * SEGMENT;

/// Properties of a link.
#[derive(Clone, Copy)]
pub struct Link {
    /// One-way delay.
    way: Duration,
    /// Whether to simulate TCP's window, which begins with ten segments and doubles with each round trip.
    has_window: bool,
    /// Bytes per second from the hook to the server; `None` for no limit.
    rate: Option<u64>,
}

/// The measured links, with their names.
const LINKS: [(&str, Link); 3] = [
    ("20 ms each way", Link { way: Duration::from_millis(20), has_window: false, rate: None }),
    ("20 ms, TCP's window", Link { way: Duration::from_millis(20), has_window: true, rate: None }),
    (
        "10 ms, window, 5 Mbit/s",
        Link { way: Duration::from_millis(10), has_window: true, rate: Some(5_000_000 / 8) },
    ),
];

impl Link {
    /// Returns the port of a link to `server`.
    pub fn to(self, server: SocketAddr) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let established = Instant::now() + 2 * self.way;
                let server = TcpStream::connect(server).expect("the server is there");
                pass_on(&client, &server, Departures::from(self, established));
                let back = Self { rate: None, ..self };
                pass_on(&server, &client, Departures::from(back, established));
            }
        });
        port
    }
}

/// Schedules written bytes.
struct Departures {
    link: Link,
    /// Until then the connection is not established, or earlier bytes occupy the link.
    free: Instant,
    window: usize,
    /// Unacknowledged bytes, each with the time of its acknowledgement.
    under_way: VecDeque<(Instant, usize)>,
}

impl Departures {
    fn from(link: Link, established: Instant) -> Self {
        Self { link, free: established, window: FIRST_WINDOW, under_way: VecDeque::new() }
    }

    /// Arrival time of a segment written now.
    fn arrival(&mut self, length: usize) -> Instant {
        let mut leaves = Instant::now().max(self.free);
        while let Some(&(acknowledged_at, acknowledged)) = self.under_way.front() {
            let taken: usize = self.under_way.iter().map(|(_, length)| length).sum();
            let is_full = self.link.has_window && taken + length > self.window;
            if acknowledged_at > leaves && !is_full {
                break;
            }
            leaves = leaves.max(acknowledged_at);
            self.window += acknowledged;
            self.under_way.pop_front();
        }
        if let Some(rate) = self.link.rate {
            leaves += Duration::from_nanos(length as u64 * 1_000_000_000 / rate);
        }
        self.free = leaves;
        self.under_way.push_back((leaves + 2 * self.link.way, length));
        leaves + self.link.way
    }
}

fn pass_on(from: &TcpStream, to: &TcpStream, mut departures: Departures) {
    let mut from = from.try_clone().expect("a stream");
    let mut to = to.try_clone().expect("a stream");
    drop(to.set_nodelay(true));
    let (under_way, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut some = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut some) {
            for segment in some[..length].chunks(SEGMENT) {
                let arrives = departures.arrival(segment.len());
                drop(under_way.send((arrives, segment.to_vec())));
            }
        }
    });
    thread::spawn(move || {
        for (arrives, bytes) in arriving {
            thread::sleep(arrives.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    });
}

/// Duration of a hook with the last row present, and of one with a late last row.
pub fn measure() {
    println!(
        "{:<62}{:>10}{:>14}{:>14}{:>10}{:>10}",
        NAME, "row there", "after 90 ms", "one by one", "requests", "bytes"
    );
    for (name, link) in LINKS {
        for (size, calls) in [("64 KB", 4), ("300 KB", 19), ("2 MB", 128)] {
            // The mock server behind HTTP is slow to check large requests.
            let protocols: &[&str] = if calls > 4 { &["HTTPS"] } else { &["HTTP", "HTTPS"] };
            for &protocol in protocols {
                let scene = Scene::turn_of_calls(Release::V2_1_330, calls);
                let scene = if protocol == "HTTPS" { scene.by_tls() } else { scene };
                let scene = scene.over(link);
                let there = scene.felt(None).as_millis();
                let late = scene.felt(Some(LATE)).as_millis();
                let one_by_one = there + LATE.as_millis();
                let (requests, bytes) = scene.sent();
                let name = format!("{name}, {protocol}, a turn of {size}");
                println!(
                    "{name:<62}{there:>7} ms{late:>11} ms{one_by_one:>11} ms{requests:>10}{bytes:>10}"
                );
            }
        }
    }
}
