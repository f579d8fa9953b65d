//! A client that shows the exact bytes of a response, and a small request for it to send.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use langfuse_mock::{INGEST_PATH, MockLangfuse};
use serde_json::json;

/// A request with one span of this id, start (in ms after a fixed time) and output.
pub(super) fn export(span: &str, start: i64, output: &str) -> Vec<u8> {
    let nanoseconds = |ms: i64| ((1_782_000_000_000 + ms) * 1_000_000).to_string();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = json!([
        text("langfuse.observation.type", "agent"),
        text("session.id", "s-1"),
        text("langfuse.observation.output", output),
    ]);
    let span = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": span, "name": "claude-code",
        "startTimeUnixNano": nanoseconds(start), "endTimeUnixNano": nanoseconds(start + 1500), "attributes": attributes,
    });
    let scope = json!({"name": "langfuse-sdk.claude-langfuse", "version": "0.1.0"});
    let resource = json!({"scopeSpans": [{"scope": scope, "spans": [span]}]});
    json!({"resourceSpans": [resource]}).to_string().into_bytes()
}

/// A client that shows the exact bytes of a response.
pub(super) struct Client {
    pub(super) stream: TcpStream,
}

impl Client {
    pub(super) fn connect(server: &MockLangfuse) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
        Self { stream }
    }

    pub(super) fn send(&mut self, head: &str, body: &[u8]) {
        let keys = STANDARD.encode("pk-lf-test:sk-lf-test");
        let head = head.replace('\n', "\r\n");
        let head = format!("{head}\r\nhost: mock\r\nauthorization: Basic {keys}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).unwrap();
        self.stream.write_all(body).unwrap();
    }

    pub(super) fn post(&mut self, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "POST {INGEST_PATH} HTTP/1.1\ncontent-type: application/json\ncontent-length: {length}"
        );
        self.send(&head, body);
    }

    /// One reply: its head, and a body of the announced length.
    pub(super) fn reply(&mut self) -> (String, Vec<u8>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        (head, body)
    }

    pub(super) fn status(&mut self) -> u16 {
        self.reply().0[9..12].parse().unwrap()
    }

    /// All bytes until the connection ends, or its error.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>, ErrorKind> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).map_err(|error| error.kind())?;
        Ok(bytes)
    }
}

/// The status and body of a GET.
pub(super) fn get(server: &MockLangfuse, target: &str) -> (u16, String) {
    let mut client = Client::connect(server);
    client.send(&format!("GET {target} HTTP/1.1\nconnection: close"), b"");
    let (head, body) = client.reply();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}
