//! Requests that the mock's HTTP server accepts, and its responses by path.

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use langfuse_mock::{INGEST_PATH, MockLangfuse, Reading, Reply};
use serde_json::{Value, json};

use super::client::{Client, export, get};

#[test]
fn one_connection_carries_many_requests() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    for start in 0..3 {
        client.post(&export("b7ad6b7169203331", start, "done"));
        assert_eq!(client.status(), 200);
    }
    assert_eq!(server.rows().len(), 3);
    assert_eq!(server.rows()[0].end_ms - server.rows()[0].start_ms, 1500);
    let requests = server.exports();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].status, Some(200));
    assert_eq!(requests[0].header("Content-Type"), Some("application/json"));
    assert_eq!(requests[0].body, export("b7ad6b7169203331", 0, "done"));
    assert!(requests[0].json.as_ref().unwrap()["resourceSpans"].is_array());
}

#[test]
fn requests_sent_ahead_are_answered_in_turn() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    client.post(&export("b7ad6b7169203331", 0, "first"));
    client.post(&export("b7ad6b7169203331", 0, "second"));
    assert_eq!((client.status(), client.status()), (200, 200));
    assert_eq!(server.rows()[0].output.as_deref(), Some("second"));
}

#[test]
fn a_chunked_gzip_body_is_taken_after_the_server_says_continue() {
    let server = MockLangfuse::start();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&export("b7ad6b7169203331", 0, "done")).unwrap();
    let gzip = encoder.finish().unwrap();
    let mut client = Client::connect(&server);
    let head = format!(
        "POST {INGEST_PATH} HTTP/1.1\ncontent-type: application/json\ncontent-encoding: gzip\n\
         transfer-encoding: chunked\nexpect: 100-continue"
    );
    client.send(&head, b"");
    assert!(client.reply().0.starts_with("HTTP/1.1 100 Continue"));
    for part in gzip.chunks(7) {
        client.stream.write_all(format!("{:x};x=y\r\n", part.len()).as_bytes()).unwrap();
        client.stream.write_all(part).unwrap();
        client.stream.write_all(b"\r\n").unwrap();
    }
    client.stream.write_all(b"0\r\ntrailer: 1\r\n\r\n").unwrap();
    assert_eq!(client.status(), 200);
    assert_eq!(server.rows().len(), 1);
    assert_eq!(server.requests()[0].body, gzip);
}

#[test]
fn a_request_that_is_not_http_is_rejected_and_the_connection_closed() {
    let server = MockLangfuse::start();
    for head in [
        "GET\n",
        "POST / HTTP/2\n",
        "POST / HTTP/1.1\ncontent-length: +1",
        "GET / HTTP/1.1\nno colon",
    ] {
        let mut client = Client::connect(&server);
        client.send(head, b"");
        assert_eq!(client.status(), 400, "{head}");
        assert_eq!(client.rest(), Ok(Vec::new()));
    }
    let mut client = Client::connect(&server);
    client.send("POST / HTTP/1.1\ncontent-length: 1\ntransfer-encoding: chunked", b"0\r\n\r\n");
    assert_eq!(client.status(), 400);
    assert!(server.requests().is_empty());
}

#[test]
fn many_connections_are_served_at_once() {
    let server = MockLangfuse::start();
    server.reply_next(Reply::Hang);
    let mut waiting = Client::connect(&server);
    waiting.post(&export("b7ad6b7169203331", 0, "never"));
    assert!(!server.wait_for(Duration::from_millis(50), |rows| !rows.is_empty()));
    std::thread::scope(|scope| {
        for number in 0..24 {
            let server = &server;
            scope.spawn(move || {
                let mut client = Client::connect(server);
                client.post(&export(&format!("{number:016x}"), 0, "done"));
                assert_eq!(client.status(), 200);
            });
        }
    });
    assert_eq!(server.rows().len(), 24);
}

#[test]
fn a_deleted_trace_remains_until_the_worker_has_run() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    client.post(&export("b7ad6b7169203331", 0, "done"));
    assert_eq!(client.status(), 200);
    let trace = server.rows()[0].trace_id.clone();
    for (body, status) in [(json!({"traceIds": []}), 400), (json!({"traceIds": [trace]}), 200)] {
        let request = ureq::delete(format!("{}/api/public/traces", server.url()));
        let keys = STANDARD.encode("pk-lf-test:sk-lf-test");
        let request = request.config().http_status_as_error(false).build();
        let request = request.header("authorization", format!("Basic {keys}"));
        let answer = request.force_send_body().send(body.to_string()).unwrap();
        assert_eq!(answer.status(), status);
    }
    assert_eq!(server.rows().len(), 1);
    assert!(get(&server, "/api/public/v2/observations").1.contains(&trace));
    assert!(server.rows().is_empty());
}

#[test]
fn endpoints_answer_as_langfuse_does() {
    let server = MockLangfuse::start_with_keys("pk-lf-mine", "sk-lf-mine");
    assert_eq!(get(&server, "/api/public/health").0, 200);
    assert_eq!(get(&server, "/api/public/projects").0, 401);
    drop(server);
    let server = MockLangfuse::start();
    assert!(get(&server, "/api/public/projects").1.contains("mock-project"));
    let traces = get(&server, "/api/public/traces/abc");
    assert!(traces.0 == 404 && traces.1.contains("events_only"), "{traces:?}");
    assert!(get(&server, "/api/public/otel/v1/logs").1.contains("<html>"));
    assert_eq!(get(&server, INGEST_PATH).0, 405);
    let mut client = Client::connect(&server);
    let batch = json!({"batch": [{"id": "1", "type": "trace-create"}]}).to_string();
    let head = format!("POST /api/public/ingestion HTTP/1.1\ncontent-length: {}", batch.len());
    client.send(&head, batch.as_bytes());
    let (head, body) = client.reply();
    assert!(head.starts_with("HTTP/1.1 207"));
    assert!(String::from_utf8(body).unwrap().contains("Event type not accepted"));
}

#[test]
fn stored_rows_can_be_read_back() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    client.post(&export("b7ad6b7169203331", 0, "one"));
    client.reply();
    let target = "/api/public/v2/observations?traceId=0af7651916cd43dd8448eb211c80319c&fields=core%2Cbasic%2Cio&limit=1000";
    let found: Value = serde_json::from_str(&get(&server, target).1).unwrap();
    let found = &found["data"][0];
    assert_eq!(found["output"], "one");
    assert_eq!(found["startTime"], "2026-06-21T00:00:00.000Z");
    assert_eq!((&found["sessionId"], &found["userId"]), (&json!("s-1"), &json!("")));
    let none: Value =
        serde_json::from_str(&get(&server, "/api/public/v2/observations?traceId=x").1).unwrap();
    assert_eq!(none["data"], json!([]));
    assert_eq!(get(&server, "/api/public/v2/observations?limit=1001").0, 400);
}

#[test]
fn rows_are_read_page_by_page_with_the_requested_fields() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    for span in ["b7ad6b7169203331", "b7ad6b7169203332", "b7ad6b7169203333"] {
        client.post(&export(span, 0, "same start"));
        client.reply();
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let target = format!("/api/public/v2/observations?limit=1&fields=usage{cursor}");
        let page: Value = serde_json::from_str(&get(&server, &target).1).unwrap();
        assert!(
            page["data"][0].get("usageDetails").is_some() && page["data"][0].get("name").is_none()
        );
        found.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        match page["meta"]["cursor"].as_str() {
            Some(next) => {
                cursor = format!("&cursor={}", next.replace('=', "%3D").replace('+', "%2B"))
            }
            None => break,
        }
    }
    assert_eq!(
        found,
        [json!("b7ad6b7169203333"), json!("b7ad6b7169203332"), json!("b7ad6b7169203331")]
    );
    assert_eq!(get(&server, "/api/public/v2/observations?cursor=x").0, 400);
}

#[test]
fn a_deployment_of_the_older_tables_lists_by_numbered_pages() {
    let server = MockLangfuse::start();
    server.show(Reading::Old);
    let mut client = Client::connect(&server);
    for span in ["b7ad6b7169203331", "b7ad6b7169203332"] {
        client.post(&export(span, 0, "one"));
        client.reply();
    }
    assert_eq!(get(&server, "/api/public/v2/observations").0, 404);
    let target = "/api/public/observations?limit=1&page=2";
    let page: Value = serde_json::from_str(&get(&server, target).1).unwrap();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(page["meta"], json!({"page": 2, "limit": 1, "totalItems": 2, "totalPages": 2}));
    assert_eq!(get(&server, "/api/public/observations?limit=101").0, 400);
}

#[test]
fn unmerged_rows_are_listed_in_all_versions() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    for output in ["half", "whole"] {
        client.post(&export("b7ad6b7169203331", 0, output));
        client.reply();
    }
    let rows = || -> usize {
        let answer = get(&server, "/api/public/v2/observations").1;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["data"].as_array().unwrap().len()
    };
    assert_eq!(rows(), 1);
    server.show(Reading::Unmerged);
    assert_eq!(rows(), 2);
}

#[test]
fn a_resent_span_is_one_row_but_two_arrivals() {
    let server = MockLangfuse::start();
    let mut client = Client::connect(&server);
    for output in ["half", "whole"] {
        client.post(&export("b7ad6b7169203331", 0, output));
        client.reply();
    }
    assert_eq!(server.rows().len(), 1);
    assert_eq!(server.rows()[0].output.as_deref(), Some("whole"));
    assert_eq!(server.accepted_spans().len(), 2);
    server.clear();
    assert!(
        server.rows().is_empty()
            && server.requests().is_empty()
            && server.accepted_spans().is_empty()
    );
}

#[test]
fn the_http_client_of_this_project_is_served() {
    let server = MockLangfuse::start();
    let keys = STANDARD.encode("pk-lf-test:sk-lf-test");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for status in [503, 204, 200] {
        server.reply_next(if status == 200 { Reply::Normal } else { Reply::Status(status) });
        let request = agent.post(format!("{}{INGEST_PATH}", server.url()));
        let request = request
            .header("authorization", format!("Basic {keys}"))
            .content_type("application/json");
        let mut response = request.send(&export("b7ad6b7169203331", 0, "done")[..]).unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.body_mut().read_to_string().unwrap().is_empty(), status == 204);
    }
    assert_eq!(server.rows().len(), 1);
}
