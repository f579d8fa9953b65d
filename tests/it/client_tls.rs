//! Real TLS handshakes: trusted certificates, and the order of roots.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use claude_langfuse::langfuse::{Body, ClientOptions, Deadline, Problem, Verdict};
pub(crate) use langfuse_mock::tls::{EXPIRED, GOOD, OTHER_HOST, server_config};
use langfuse_mock::tls::{KEY, authority};
use rustls::{ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::server::{Request, Server};
use super::{
    EXPORT, LONG, OK, client_with, environment, is_later, is_problem, reason, send_in_short,
};

/// A TLS server with this certificate, and the number of its connections.
pub(crate) fn tls_server(certificate: &str) -> (Server, Arc<AtomicUsize>) {
    let config = server_config(certificate, KEY);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let server = Server::new(move |connection| {
        count.fetch_add(1, Ordering::SeqCst);
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(session, connection.stream.try_clone().unwrap());
        while Request::read(&mut stream).is_some() {
            let _ = std::io::Write::write_all(&mut stream, OK.as_bytes());
        }
    });
    (server, connections)
}

fn https(server: &Server) -> String {
    format!("https://{}", server.address)
}

fn send(url: &str, ca_file: Option<PathBuf>, variables: &[(&str, &str)]) -> Verdict {
    let options =
        ClientOptions { ca_file, environment: environment(variables), ..ClientOptions::default() };
    client_with(url, options).send(&Body::new(EXPORT), Deadline::after(LONG))
}

/// A folder with a bundle of roots.
pub(crate) fn bundle() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    fs::write(&path, format!("# ours\n{}", authority())).unwrap();
    (folder, path)
}

#[test]
fn a_ca_file_is_enough_and_tried_first() {
    let (server, connections) = tls_server(GOOD);
    let (_folder, path) = bundle();
    assert_eq!(send(&https(&server), Some(path), &[]), Verdict::Acknowledged);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn an_untrusted_certificate_needs_a_fix_by_the_user() {
    let (server, connections) = tls_server(GOOD);
    let reply = send(&https(&server), None, &[]);
    assert!(is_problem(&reply, Problem::Certificate), "{reply:?}");
    let wanted = format!("the certificate of {} is not trusted: UnknownIssuer", server.address);
    assert_eq!(reason(&reply), wanted);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_preconnected_connection_has_its_certificate_checked() {
    let (_folder, path) = bundle();
    let path = path.to_str().unwrap();
    let (server, connections) = tls_server(GOOD);
    let opened = |variables: &[(&str, &str)]| {
        let options =
            ClientOptions { environment: environment(variables), ..ClientOptions::default() };
        let mut client = client_with(&https(&server), options);
        let connected = client.connect(Deadline::after(LONG));
        connected.map(|()| client.send(&Body::new(EXPORT), Deadline::after(LONG)))
    };
    let reply = opened(&[]).unwrap_err();
    assert!(is_problem(&reply, Problem::Certificate), "{reply:?}");
    assert_eq!(opened(&[("SSL_CERT_FILE", path)]), Ok(Verdict::Acknowledged));
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[test]
fn the_systems_roots_are_tried_after_a_certificate_was_rejected() {
    let (_folder, path) = bundle();
    let path = path.to_str().unwrap();
    for variables in [
        &[("SSL_CERT_FILE", path)][..],
        &[("NIX_SSL_CERT_FILE", path)],
        &[("SSL_CERT_FILE", "/nonexistent"), ("NIX_SSL_CERT_FILE", path)],
    ] {
        let (server, connections) = tls_server(GOOD);
        let reply = send(&https(&server), None, variables);
        assert_eq!(reply, Verdict::Acknowledged);
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn working_roots_are_kept_for_the_run() {
    let (server, connections) = tls_server(GOOD);
    let (_folder, path) = bundle();
    let options = ClientOptions {
        environment: environment(&[("SSL_CERT_FILE", path.to_str().unwrap())]),
        ..ClientOptions::default()
    };
    let mut client = client_with(&https(&server), options);
    for _ in 0..3 {
        let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
        assert_eq!(reply, Verdict::Acknowledged);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn a_certificate_for_another_host_or_an_expired_one_is_rejected() {
    let (_folder, path) = bundle();
    for (certificate, word) in [(OTHER_HOST, "not valid for name"), (EXPIRED, "expired")] {
        let (server, _) = tls_server(certificate);
        let reply = send(&https(&server), Some(path.clone()), &[]);
        assert!(is_problem(&reply, Problem::Certificate), "{reply:?}");
        assert!(reason(&reply).contains(word), "{reply:?}");
    }
}

#[test]
fn an_unreadable_ca_file_is_named_when_it_matters() {
    let (server, _) = tls_server(GOOD);
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "no certificate").unwrap();
    for path in [folder.path().join("missing.pem"), folder.path().to_owned(), empty] {
        let reply = send(&https(&server), Some(path.clone()), &[]);
        assert!(is_problem(&reply, Problem::Certificate), "{reply:?}");
        assert!(reason(&reply).ends_with(&path.display().to_string()), "{reply:?}");
    }
}

#[test]
fn a_server_without_tls_is_a_wrong_url() {
    let server = Server::new(|connection| {
        connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        thread::sleep(LONG);
    });
    let reply = send(&https(&server), None, &[]);
    assert!(is_problem(&reply, Problem::Url), "{reply:?}");
}

#[test]
fn an_alert_distinguishes_an_old_tls_from_a_temporary_failure() {
    // Alert 70, protocol_version: from a server that only supports TLS 1.0.
    let old = Server::new(|connection| {
        connection.write(b"\x15\x03\x01\x00\x02\x02\x46");
        thread::sleep(LONG);
    });
    let reply = send(&https(&old), None, &[]);
    assert!(is_problem(&reply, Problem::Certificate), "{reply:?}");
    // Alert 80, internal_error: from a front end without a certificate.
    let trouble = Server::new(|connection| {
        connection.write(b"\x15\x03\x03\x00\x02\x02\x50");
        thread::sleep(LONG);
    });
    let reply = send(&https(&trouble), None, &[]);
    assert!(is_later(&reply), "{reply:?}");
}

#[test]
fn a_stalled_handshake_does_not_block() {
    let server = Server::new(|_| thread::sleep(LONG));
    let reply = send_in_short(&https(&server), &Body::new(EXPORT));
    assert!(is_later(&reply), "{reply:?}");
    let hangs_up = Server::new(|_| ());
    assert!(is_later(&send(&https(&hangs_up), None, &[])));
}
