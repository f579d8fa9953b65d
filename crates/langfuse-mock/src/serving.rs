//! The server's threads: they take connections, read requests, and reply as Langfuse would or as the script says.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::connection::{Connection, ReadError};
use super::datasets::is_of_datasets;
use super::http::{RawRequest, message};
use super::media::is_of_media;
use super::prompts::is_of_prompts;
use super::server::Shared;
use super::{Answer, INGEST_PATH, Reply, Request};

/// Takes connections until the server stops.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if !shared.running() {
            return;
        }
        let Ok(stream) = stream else { continue };
        drop(stream.set_nodelay(true));
        // Only the connection's thread owns the socket: a second handle would keep a reset from being sent.
        let stream = Arc::new(stream);
        let handle = Arc::downgrade(&stream);
        let serving = Arc::clone(shared);
        let thread = std::thread::spawn(move || serve(Connection::new(stream), &serving));
        let mut state = shared.state();
        state.connections.retain(|(_, thread)| !thread.is_finished());
        state.connections.push((handle, thread));
    }
}

fn serve(mut connection: Connection, shared: &Shared) {
    while shared.running() {
        let request = match connection.read() {
            Ok(request) => request,
            Err(ReadError::Closed) => return,
            Err(ReadError::Bad(status, text)) => {
                let answer = Answer::json(status, &json!({"message": text}));
                drop(connection.reply(&answer, false, true));
                return connection.close();
            }
        };
        let keep_alive = request.keep_alive;
        let with_body = request.method != "HEAD";
        let (answer, reply) = receive(request, shared);
        match perform(connection, &answer, reply, (keep_alive, with_body), shared) {
            Some(open) if keep_alive => connection = open,
            Some(open) => return open.close(),
            None => return,
        }
    }
}

/// Handles a request: by the script, by the table, and with a record of both.
fn receive(raw: RawRequest, shared: &Shared) -> (Answer, Reply) {
    let mut state = shared.state();
    let path = path_of(&raw.target);
    let planned = if raw.method == "POST" && path == INGEST_PATH {
        state.next.pop_front().or_else(|| state.always.clone())
    } else if raw.method == "GET" && path.ends_with("/observations") {
        state.next_read.pop_front()
    } else if path.ends_with("/health") {
        // A captive portal or another site answers everything with its page.
        state.always.clone().filter(|reply| matches!(reply, Reply::Html | Reply::Garbage))
    } else if raw.method == "POST" && takes_scores(path) {
        state.next_score.pop_front()
    } else if is_of_datasets(path) {
        state.next_dataset.pop_front()
    } else if is_of_prompts(path) {
        state.next_prompt.pop_front()
    } else if is_of_media(path) {
        state.next_media.pop_front()
    } else {
        None
    };
    let reply = planned.unwrap_or(Reply::Normal);
    let answer = if reply.accepts() {
        state.events.handle(&raw.method, &raw.target, &raw.headers, &raw.body)
    } else {
        // The answer that would have come; the table stays as it is.
        let mut twin = state.events.clone();
        twin.clear();
        twin.handle(&raw.method, &raw.target, &raw.headers, &raw.body)
    };
    let status = reply.status(answer.status);
    let swallowed = !reply.accepts() && !answer.accepted.is_empty();
    state.requests.push(Request {
        json: super::ingest::json_body(&super::api::Headers(&raw.headers), &raw.body),
        method: raw.method,
        path: raw.target,
        headers: raw.headers,
        body: raw.body,
        status,
        lost: matches!(status, Some(200..300)) && (answer.lost || swallowed),
    });
    (answer, reply)
}

/// Replies by the script. Returns the connection if it can be used again.
fn perform(
    mut connection: Connection,
    answer: &Answer,
    reply: Reply,
    (keep_alive, with_body): (bool, bool),
    shared: &Shared,
) -> Option<Connection> {
    match reply {
        Reply::Delay(pause, reply) => {
            sleep(pause, shared);
            return perform(connection, answer, *reply, (keep_alive, with_body), shared);
        }
        Reply::AcceptThen(reply) => {
            return perform(connection, answer, *reply, (keep_alive, with_body), shared);
        }
        // With a byte unread.
        Reply::Reset | Reply::AcceptThenReset => drop(connection),
        Reply::Hang => connection.hang(|| shared.running()),
        Reply::CloseWithoutReply => connection.close(),
        Reply::Drip(pause) => connection.drip(answer, pause, || shared.running()),
        Reply::HalfBody => {
            let message = message(answer, false, true);
            connection.end_with(&message[..message.len() - answer.body.len().div_ceil(2)]);
        }
        Reply::Garbage => connection.end_with(b"SSH-2.0-OpenSSH_9.6\r\n"),
        reply => {
            let planned = planned_answer(reply);
            let answer = planned.as_ref().unwrap_or(answer);
            connection.reply(answer, keep_alive, with_body).ok()?;
            return Some(connection);
        }
    }
    None
}

/// The script's answer in place of Langfuse's own.
fn planned_answer(reply: Reply) -> Option<Answer> {
    let with_headers = |status, headers, body| Answer { headers, ..Answer::new(status, "", body) };
    Some(match reply {
        Reply::Status(status) => {
            Answer::json(status, &json!({"message": "Planned by the test", "status": status}))
        }
        Reply::StatusWithBody(status, headers, body) => with_headers(status, headers, body),
        Reply::RateLimited(seconds) => rate_limited(seconds),
        Reply::Html => {
            let page = b"<!DOCTYPE html><html><title>Sign in</title></html>".to_vec();
            Answer::new(200, "text/html; charset=utf-8", page)
        }
        Reply::Redirect(location) => {
            with_headers(302, vec![("location".to_owned(), location)], Vec::new())
        }
        _ => return None,
    })
}

fn rate_limited(seconds: u64) -> Answer {
    let details = json!({"retryAfterSeconds": seconds});
    let body =
        json!({"message": "Rate limit exceeded", "code": "rate_limited", "details": details});
    let mut answer = Answer::json(429, &body);
    answer.headers.push(("retry-after".to_owned(), seconds.to_string()));
    answer
}

fn sleep(pause: Duration, shared: &Shared) {
    let start = Instant::now();
    while shared.running() && start.elapsed() < pause {
        std::thread::sleep(pause.saturating_sub(start.elapsed()).min(Duration::from_millis(20)));
    }
}

pub(super) fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Whether a path is one of the two endpoints for scores.
pub(super) fn takes_scores(target: &str) -> bool {
    ["/api/public/ingestion", "/api/public/scores"].contains(&path_of(target))
}
