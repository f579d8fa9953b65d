//! Failures of a server or the network, and the time that they can cost.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use claude_langfuse::langfuse::{Body, Deadline, Problem, Verdict};

use super::server::Server;
use super::{
    EXPORT, LONG, OK, SHORT, client, closed_port, is_later, is_problem, is_timed_out, noise,
    reason, send, send_in_short,
};

#[test]
fn a_closed_port_is_a_temporary_failure() {
    let address = closed_port();
    let reply = send(&format!("http://{address}"));
    assert!(is_later(&reply) && !is_timed_out(&reply), "{reply:?}");
    let wanted = format!("could not connect to {address}: connection refused");
    assert_eq!(reason(&reply), wanted);
}

#[test]
fn a_preconnected_connection_sends_the_request() {
    let server = Server::new(|connection| {
        if connection.number == 0 && connection.request() {
            connection.write(OK);
        }
    });
    let mut client = client(&server.url());
    assert_eq!(client.connect(Deadline::after(LONG)), Ok(()));
    assert_eq!(server.requests().len(), 0);
    let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
    assert_eq!(reply, Verdict::Acknowledged);
}

#[test]
fn a_closed_preconnected_connection_is_replaced() {
    let server = Server::new(|connection| {
        if connection.number > 0 && connection.request() {
            connection.write(OK);
        }
    });
    let mut client = client(&server.url());
    assert_eq!(client.connect(Deadline::after(LONG)), Ok(()));
    let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
    assert_eq!(reply, Verdict::Acknowledged);
}

#[test]
fn a_failed_preconnect_has_its_reason_and_is_retried() {
    let address = closed_port();
    let mut client = client(&format!("http://{address}"));
    for _ in 0..2 {
        let reply = client.connect(Deadline::after(LONG)).unwrap_err();
        assert!(is_later(&reply), "{reply:?}");
    }
    let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
    let wanted = format!("could not connect to {address}: connection refused");
    assert_eq!(reason(&reply), wanted);
}

#[test]
fn an_unknown_name_is_a_temporary_failure() {
    let start = Instant::now();
    let reply = client("http://langfuse.invalid:1")
        .send(&Body::new(EXPORT), Deadline::after(Duration::from_secs(1)));
    assert!(is_later(&reply), "{reply:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_address_that_drops_packets_does_not_block() {
    // TEST-NET-1: routed nowhere. Without any route the failure is immediate.
    let reply = send_in_short("http://192.0.2.1:81", &Body::new(EXPORT));
    assert!(is_later(&reply) && !is_timed_out(&reply), "{reply:?}");
}

/// A name with two addresses; the first drops packets or has no route.
#[derive(Debug)]
struct TwoAddresses(SocketAddr);

impl Resolver for TwoAddresses {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        // An address of the documentation prefix, which nobody uses.
        addresses.push("[2001:db8::1]:81".parse().unwrap());
        addresses.push(self.0);
        Ok(addresses)
    }
}

/// The client relies on this for its connect timeout: the test can't give a name two addresses.
#[test]
fn an_address_that_drops_packets_leaves_time_for_the_next_one() {
    let server = Server::answering(OK);
    let resolver = TwoAddresses(server.url().trim_start_matches("http://").parse().unwrap());
    let config = Agent::config_builder().timeout_connect(Some(Duration::from_secs(2)));
    let agent = Agent::with_parts(config.build(), DefaultConnector::default(), resolver);
    let answer = agent.get("http://two.invalid/").call().unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn a_closed_connection_is_a_temporary_failure() {
    let before_reading = Server::new(|_| ());
    let after_reading = Server::new(|connection| {
        connection.request();
    });
    let within_headers = Server::answering("HTTP/1.1 200 OK\r\nContent-Ty");
    for server in [before_reading, after_reading, within_headers] {
        let reply = send(&server.url());
        assert!(is_later(&reply) && !is_timed_out(&reply), "{reply:?}");
    }
}

#[test]
fn a_response_before_the_request_was_read_is_read() {
    let server = Server::new(|connection| {
        connection.answer(401, r#"{"message":"no"}"#);
        connection.request();
    });
    let reply = client(&server.url()).send(&noise(30_000), Deadline::after(LONG));
    assert!(is_problem(&reply, Problem::Keys), "{reply:?}");
}

#[test]
fn a_reset_over_a_large_upload_means_that_it_is_too_large() {
    for bytes in [3 << 20, 1 << 20, 600_000, 150_000] {
        let body = noise(bytes);
        let server = Server::new(|connection| {
            let mut some = [0; 1000];
            let _ = connection.stream.read(&mut some);
        });
        let reply = client(&server.url()).send(&body, Deadline::after(LONG));
        assert!(matches!(reply, Verdict::TooLarge { is_said: false, .. }), "{bytes}: {reply:?}");
    }
    let small = Server::new(|connection| {
        let mut some = [0; 1000];
        let _ = connection.stream.read(&mut some);
    });
    let reply = client(&small.url()).send(&noise(40_000), Deadline::after(LONG));
    assert!(is_later(&reply), "{reply:?}");
}

#[test]
fn a_server_that_never_answers_does_not_block() {
    let never = Server::new(|connection| {
        connection.request();
        thread::sleep(LONG);
    });
    let headers = Server::new(|connection| {
        connection.request();
        connection.trickle(&format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(100)));
    });
    let body = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
        connection.trickle(&" ".repeat(100));
    });
    let headers_without_end = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n");
        connection.trickle(&"a: b\r\n".repeat(100));
    });
    let after_continue = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 100 Continue\r\n\r\n");
        thread::sleep(LONG);
    });
    for server in [never, headers, body, headers_without_end, after_continue] {
        let reply = send_in_short(&server.url(), &Body::new(EXPORT));
        assert!(is_timed_out(&reply), "{reply:?}");
    }
}

#[test]
fn a_server_that_reads_slowly_does_not_block() {
    let server = Server::new(|connection| {
        let mut some = vec![0; 64 * 1024];
        while connection.stream.read(&mut some).is_ok_and(|length| length > 0) {
            thread::sleep(Duration::from_millis(60));
        }
    });
    let reply = send_in_short(&server.url(), &noise(6 << 20));
    assert!(is_timed_out(&reply), "{reply:?}");
}

#[test]
fn the_client_still_works_after_a_deadline() {
    let server = Server::new(|connection| {
        connection.request();
        if connection.number == 0 {
            thread::sleep(2 * SHORT);
        }
        connection.write(OK);
    });
    let mut client = client(&server.url());
    let body = Body::new(EXPORT);
    assert!(is_timed_out(&client.send(&body, Deadline::after(SHORT))));
    let reply = client.send(&body, Deadline::after(LONG));
    assert_eq!(reply, Verdict::Acknowledged);
}

#[test]
fn a_compressed_response_is_not_decompressed() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(b"{").unwrap();
    packed.write_all(&vec![b' '; 100 << 20]).unwrap();
    packed.write_all(b"}").unwrap();
    let packed = packed.finish().unwrap();
    let server = Server::new(move |connection| {
        connection.request();
        let length = packed.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
        );
        connection.write(head);
        connection.write(&packed);
    });
    let reply = send(&server.url());
    assert!(!matches!(reply, Verdict::Acknowledged), "{reply:?}");
    let [request] = &server.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(request.header("accept-encoding"), "", "it was not asked for");
}

#[test]
fn a_success_without_a_whole_json_body_is_not_an_acknowledgement() {
    let longer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}";
    let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n";
    let garbage = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n";
    for answer in [longer, cut, garbage] {
        let reply = send(&Server::answering(answer).url());
        assert!(is_later(&reply), "{answer:?}: {reply:?}");
    }
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>";
    let nothing = "HTTP/1.1 204 No Content\r\n\r\n";
    let shorter = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}";
    let packed =
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x0b\x08";
    for answer in [page, nothing, shorter, packed] {
        let reply = send(&Server::answering(answer).url());
        assert!(is_problem(&reply, Problem::NotLangfuse), "{answer:?}: {reply:?}");
    }
}

#[test]
fn a_chunked_response_and_one_that_ends_with_the_connection_are_read() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let until_close = "HTTP/1.1 200 OK\r\n\r\n{\"id\":1}\n";
    let old = "HTTP/1.0 200 OK\r\n\r\n{}";
    let after_continue = format!("HTTP/1.1 100 Continue\r\n\r\n{OK}");
    for answer in [chunked, until_close, old, &after_continue] {
        let reply = send(&Server::answering(answer).url());
        assert_eq!(reply, Verdict::Acknowledged, "{answer:?}");
    }
}

#[test]
fn an_endless_response_is_not_read_to_its_end() {
    let body = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n\r\n{");
        while connection.write(" ".repeat(10_000)) {}
    });
    assert!(is_later(&send(&body.url())));
    let headers = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n");
        while connection.write("a: b\r\n".repeat(1000)) {}
    });
    let header = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\na: ");
        while connection.write("b".repeat(10_000)) {}
    });
    let trouble = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 500 X\r\n\r\n");
        while connection.write(" ".repeat(10_000)) {}
    });
    for server in [headers, header] {
        let reply = send(&server.url());
        assert!(is_problem(&reply, Problem::NotLangfuse), "{reply:?}");
    }
    let reply = send(&trouble.url());
    assert!(is_later(&reply), "{reply:?}");
}

#[test]
fn a_response_that_is_not_http_is_not_langfuse() {
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        "HTTP/1.1 OK\r\n\r\n{}",
        "\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    ] {
        let reply = send(&Server::answering(answer).url());
        assert!(is_problem(&reply, Problem::NotLangfuse), "{answer:?}: {reply:?}");
    }
}
