//! Langfuse Cloud behind a proxy: one region has the keys.
//!
//! The certificates were made once with openssl (2000 to 2100, P-256) and have no other use.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::client::tls::server_config;

/// The authority, which signs the other one.
const AUTHORITY: &str = "\
    MIIBoTCCAUigAwIBAgIUf0GBGH50nJq1Wd4RC++8m2sY5MswCgYIKoZIzj0EAwIwLjEsMCoGA1UEAwwjY2xhdWRl\
    LWxhbmdmdXNlIHRlc3QgQ0EgZm9yIHJlZ2lvbnMwIBcNMDAwMTAxMDAwMDAwWhgPMjEwMDAxMDEwMDAwMDBaMC4x\
    LDAqBgNVBAMMI2NsYXVkZS1sYW5nZnVzZSB0ZXN0IENBIGZvciByZWdpb25zMFkwEwYHKoZIzj0CAQYIKoZIzj0D\
    AQcDQgAEpArd3j+O6+Pgy+vB9Qy8VEkFx2bVg76tq1ackcZ/0KxtPN9IxKK2EXEl3JLz4FMOxHK2nhFsJERlUU+d\
    XrNwWaNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFMzo5FfgUK+jVmoyHNA9\
    3Rt5HgGbMAoGCCqGSM49BAMCA0cAMEQCIDzTyk6jF5YU+IgdukGQpXvMd7X4+eeRRSuNAu6XFwh6AiBmBuCEiJ9l\
    2LXAI3VIXbo1noiPPoMDC1o24JT18Ee5DA==";
/// For the hosts of Langfuse Cloud.
const CLOUD: &str = "\
    MIIBxTCCAWugAwIBAgIUbrG5A1qHsK+hQueNU8eLGIsLxSAwCgYIKoZIzj0EAwIwLjEsMCoGA1UEAwwjY2xhdWRl\
    LWxhbmdmdXNlIHRlc3QgQ0EgZm9yIHJlZ2lvbnMwIBcNMDAwMTAxMDAwMDAwWhgPMjEwMDAxMDEwMDAwMDBaMA8x\
    DTALBgNVBAMMBGxlYWYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARr8pzG4IkcJ6u/1jkCZyidBU65SQ/9Vslo\
    I6NzlVXlVg60y1dMa06XVruUj0tgGFc5kRppBil6avwAurV+pbOEo4GDMIGAMDMGA1UdEQQsMCqCEmNsb3VkLmxh\
    bmdmdXNlLmNvbYIUKi5jbG91ZC5sYW5nZnVzZS5jb20wCQYDVR0TBAIwADAdBgNVHQ4EFgQUBcEd5Hc9Sh51jNJh\
    2kvsg0aPqVMwHwYDVR0jBBgwFoAUzOjkV+BQr6NWajIc0D3dG3keAZswCgYIKoZIzj0EAwIDSAAwRQIgGq5o2KFy\
    EIJAzA1ZM/V+dN4ZRSV5MlQlQpRkUHNjWUUCIQCuFgIPijib2fPuWcPHARWx6f5YD504NRYgwQ87DvaczQ==";
/// Its key.
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZulD9Yg7M3d0MVM3srmufYSD8Z/31hEB4vHnv7Mb\
    0wmhRANCAARr8pzG4IkcJ6u/1jkCZyidBU65SQ/9VsloI6NzlVXlVg60y1dMa06XVruUj0tgGFc5kRppBil6avwA\
    urV+pbOE";

/// A proxy that is all of Langfuse Cloud, as long as the test runs.
pub(crate) struct Cloud {
    pub(crate) proxy: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Cloud {
    /// The keys belong to this region; all others reject them.
    pub(crate) fn with_keys_of(region: &'static str) -> Self {
        let config = server_config(CLOUD, KEY);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, list) = (Arc::clone(&config), Arc::clone(&list));
                thread::spawn(move || serve(stream, config, &list, region));
            }
        });
        Self { proxy, asked }
    }

    /// The requested hosts, each once, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.dedup();
        asked
    }

    /// The authority's certificate as a PEM file.
    pub(crate) fn authority() -> String {
        format!("-----BEGIN CERTIFICATE-----\n{AUTHORITY}\n-----END CERTIFICATE-----\n")
    }
}

fn serve(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    asked: &Mutex<Vec<String>>,
    region: &str,
) {
    let Some(connect) = head(&mut stream) else {
        // A check whether the server is reachable.
        return;
    };
    let host = connect.strip_prefix("CONNECT ").and_then(|rest| rest.split(':').next());
    let host = host.unwrap().to_owned();
    asked.lock().unwrap().push(host.clone());
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    let session = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(session, stream);
    while let Some(request) = head(&mut stream) {
        let (status, body) = match request.split(' ').nth(1).unwrap() {
            "/api/public/health" => (200, r#"{"status":"OK","version":"4.16.0"}"#),
            _ if host == region => (200, r#"{"data":[{"id":"p","name":"Elsewhere"}]}"#),
            _ => (401, r#"{"message":"Invalid credentials."}"#),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The head of a request without a body.
fn head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}
