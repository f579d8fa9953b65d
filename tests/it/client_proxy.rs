//! Requests through a proxy; the rules that choose a proxy are unit tests.

use claude_langfuse::config::Secret;
use claude_langfuse::langfuse::{Body, Client, ClientOptions, Deadline, Problem, Verdict};

use super::server::Server;
use super::{
    EXPORT, LONG, OK, client_with, closed_port, environment, is_later, is_problem, reason,
};

/// A host that is only reachable through a proxy.
const BEHIND: &str = "http://langfuse.invalid:3000";

fn send_through(proxy: &str) -> Verdict {
    let environment = environment(&[("HTTP_PROXY", proxy)]);
    let options = ClientOptions { environment, ..ClientOptions::default() };
    client_with(BEHIND, options).send(&Body::new(EXPORT), Deadline::after(LONG))
}

#[test]
fn a_request_goes_through_the_proxy_with_its_own_credentials() {
    let proxy = Server::new(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
        connection.request();
        connection.write(OK);
    });
    let reply = send_through(&format!("http://user:pw@{}", proxy.address));
    assert_eq!(reply, Verdict::Acknowledged);
    let requests = proxy.requests();
    assert_eq!(requests[0].line, "CONNECT langfuse.invalid:3000 HTTP/1.1");
    assert_eq!(requests[0].header("proxy-authorization"), "Basic dXNlcjpwdw==");
    assert_eq!(requests[0].header("authorization"), "");
    assert_eq!(requests[1].header("proxy-authorization"), "");
    assert_eq!(requests[1].body, EXPORT);
}

#[test]
fn loopback_is_reached_despite_a_dead_proxy() {
    let server = Server::answering(OK);
    let dead = closed_port().to_string();
    let options = ClientOptions {
        environment: environment(&[("ALL_PROXY", &dead), ("HTTP_PROXY", &dead)]),
        ..ClientOptions::default()
    };
    let mut client = client_with(&server.url(), options);
    assert_eq!(client.proxy(), None);
    let reply = client.send(&Body::new(EXPORT), Deadline::after(LONG));
    assert_eq!(reply, Verdict::Acknowledged);
}

#[test]
fn a_dead_proxy_is_a_temporary_failure_that_names_it() {
    let dead = closed_port();
    let reply = send_through(&format!("http://user:hunter2@{dead}"));
    assert!(is_later(&reply), "{reply:?}");
    let wanted = format!("could not connect to {dead}: connection refused");
    assert_eq!(reason(&reply), wanted);
}

#[test]
fn a_proxy_that_rejects_needs_a_fix_by_the_user() {
    for (status, refuses) in [(407, true), (403, true), (502, false), (504, false)] {
        let proxy = Server::answering(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
        let reply = send_through(&proxy.url());
        assert_eq!(is_problem(&reply, Problem::Proxy), refuses, "{reply:?}");
        assert_eq!(is_later(&reply), !refuses, "{reply:?}");
        let start = format!("the proxy {} answered {status}", proxy.address);
        assert!(reason(&reply).starts_with(&start), "{reply:?}");
    }
}

#[test]
fn an_invalid_proxy_is_rejected_without_showing_its_password() {
    for proxy in [
        "socks5://user:hunter2@host:1080",
        "ftp://user:hunter2@host",
        "http://user:hunter2@host:99999",
        "http://us er",
    ] {
        let options = ClientOptions {
            environment: environment(&[("HTTP_PROXY", proxy)]),
            ..ClientOptions::default()
        };
        let result = Client::new(BEHIND, "pk", &Secret::new("sk"), options);
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains("proxy") && !error.contains("hunter2"), "{error}");
    }
}
