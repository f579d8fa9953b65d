//! A link of 20 ms each way, between a hook and its server on this machine. A connection through it stands when one way
//! there and back is over, and nothing that is sent before leaves before. How TCP widens its window is not in it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::scene::Scene;
use super::transcript::Release;

pub const NAME: &str = "a Stop over a link with 20 ms each way";

const WAY: Duration = Duration::from_millis(20);
/// The row that a Stop hook waits for comes about so long after the hook was called.
const LATE: Duration = Duration::from_millis(90);

/// Gives the port of a link to `server`.
pub fn to(server: SocketAddr) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let stands = Instant::now() + 2 * WAY;
            let server = TcpStream::connect(server).expect("the server is there");
            pass_on(&client, &server, stands);
            pass_on(&server, &client, stands);
        }
    });
    port
}

fn pass_on(from: &TcpStream, to: &TcpStream, stands: Instant) {
    let mut from = from.try_clone().expect("a stream");
    let mut to = to.try_clone().expect("a stream");
    drop(to.set_nodelay(true));
    let (under_way, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut some = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut some) {
            let arrives = Instant::now().max(stands) + WAY;
            drop(under_way.send((arrives, some[..length].to_vec())));
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

/// What is felt of a hook whose last row is there, and of one whose last row comes late.
pub fn measure() {
    let scene = || Scene::new_turn(Release::V2_1_330, 1_000_000);
    for (protocol, scene) in [("HTTP", scene()), ("HTTPS", scene().by_tls())] {
        let scene = scene.over_a_link();
        let alone = scene.felt(None).as_millis();
        let late = scene.felt(Some(LATE)).as_millis();
        println!(
            "{NAME}, {protocol}: {alone} ms where its last row is there, {late} ms where that comes after {} ms \
            (one after the other: {} ms)",
            LATE.as_millis(),
            alone + LATE.as_millis()
        );
    }
}
