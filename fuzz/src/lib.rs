//! What is done with input that may be anything. Each function panics when something does not hold, and only then.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base::Timestamp;
use claude_langfuse::config::{Env, Files, Scope, Secret, resolve};
use claude_langfuse::delivery::{
    Agreed, Extent, Job, StateAccess, Transport, Trigger, deliver, note_health,
};
use claude_langfuse::hook::event;
use claude_langfuse::langfuse::{Body, Client, ClientOptions, Deadline, Verdict, batch};
use claude_langfuse::privacy::Policy;
use claude_langfuse::score::Score;
use claude_langfuse::state::{Cursor, Store};
use claude_langfuse::trace::Attributes;
use serde_json::Value;

const SECRET: &str = "sk-lf-11111111-2222-3333-4444-555566667777";
const DESTINATION: &str = "0123456789abcdef";
const SESSION: &str = "8b81bdbc-c020-4660-bfa2-b2aa8549675d";
const SESSION_ROWS: &str = concat!(
    r#"{"type":"user","uuid":"11111111-1111-4111-8111-111111111111","timestamp":"2026-01-01T00:00:00Z","message":{"role":"user","content":"Hi"}}"#,
    "\n",
    r#"{"type":"assistant","uuid":"22222222-2222-4222-8222-222222222222","timestamp":"2026-01-01T00:00:01Z","message":{"id":"msg_1","role":"assistant","model":"claude-opus-5","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}}"#,
    "\n",
);

/// Takes every request, and keeps it.
#[derive(Default)]
struct Taker {
    bodies: Vec<String>,
}

impl Transport for Taker {
    fn send(&mut self, raw: &str, _body: &Body) -> Verdict {
        check_export(raw);
        self.bodies.push(raw.to_owned());
        Verdict::Acknowledged
    }

    fn score(&mut self, scores: &[Score]) -> Result<usize, Verdict> {
        let request: Value = serde_json::from_str(&batch(scores)).expect("scores are JSON");
        let events = request["batch"].as_array().expect("a list of events");
        assert_eq!(events.len(), scores.len());
        Ok(0)
    }
}

/// An export is JSON, its ids have the length of ids, and no span ends before it starts.
fn check_export(raw: &str) {
    let export: Value = serde_json::from_str(raw).expect("an export is JSON");
    let spans =
        export["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("a list of spans");
    assert!(!spans.is_empty(), "an empty export");
    for span in spans {
        let length = |name: &str| span[name].as_str().expect("an id").len();
        assert_eq!((length("traceId"), length("spanId")), (32, 16));
        let time =
            |name: &str| span[name].as_str().expect("a time").parse::<u128>().expect("a number");
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "it ends before it starts");
    }
}

/// A reader that gives one byte at a time, as a slow pipe may.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

/// A hook's standard input: understood or refused in one line that does not quote it, however it arrives.
pub fn stdin(data: &[u8]) {
    let whole = event::read(data).map_err(|error| format!("{error:#}"));
    let slow = event::read(Slowly(data)).map_err(|error| format!("{error:#}"));
    assert_eq!(format!("{whole:?}"), format!("{slow:?}"));
    if let Err(error) = whole {
        assert!(
            error.starts_with("could not read hook event: ") && !error.contains('\n'),
            "{error}"
        );
    }
}

/// A transcript: two replays of it send the same bytes, and a hook in the middle loses nothing of a replay's.
pub fn transcript(data: &[u8]) {
    let folder = scratch();
    let path = folder.path().join(format!("{SESSION}.jsonl"));
    std::fs::write(&path, data).expect("a file");
    let replays = [(), ()].map(|()| {
        let mut taker = Taker::default();
        deliver(&job(&path, Extent::Backfill, late()), StateAccess::None, &mut taker)
            .expect("it can be read");
        taker.bodies
    });
    assert_eq!(replays[0], replays[1]);
    let store = Store::new(folder.path());
    let mut hooks = Taker::default();
    std::fs::write(&path, &data[..data.len() / 2]).expect("a file");
    deliver(
        &job(&path, Extent::Live, Trigger::SessionEnd),
        StateAccess::ReadWrite(&store),
        &mut hooks,
    )
    .expect("it can be read");
    std::fs::write(&path, data).expect("a file");
    deliver(&job(&path, Extent::Backfill, late()), StateAccess::ReadWrite(&store), &mut hooks)
        .expect("it can be read");
    // By span alone: a call that stands in two turns is acknowledged once.
    let ids = |bodies: &[String]| -> BTreeSet<String> {
        let exports = bodies.iter().map(|body| serde_json::from_str::<Value>(body).expect("JSON"));
        let spans = exports.flat_map(|export| {
            export["resourceSpans"][0]["scopeSpans"][0]["spans"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        });
        spans.map(|span| span["spanId"].to_string()).collect()
    };
    let (replayed, hooked) = (ids(&replays[0]), ids(&hooks.bodies));
    assert!(replayed.is_subset(&hooked), "a span got lost between two runs");
}

/// A configuration file, and Claude Code's settings: resolved whatever they hold, and no message shows a key.
pub fn config(data: &[u8]) {
    let folder = scratch();
    for path in [
        "home/.config/claude-langfuse/config.json",
        "home/.claude/settings.json",
        "project/.claude/settings.local.json",
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, data).expect("a file");
    }
    let env = Env { home: Some(folder.path().join("home")), ..Env::default() };
    for scope in [Scope::OwnHook, Scope::Explicit, Scope::FilesOnly] {
        let start = folder.path().join("project");
        let config = resolve(&env, &Files::new(), Some(&start), scope);
        let problems: Vec<String> = config.problems.iter().map(ToString::to_string).collect();
        let destination = config.destination.as_ref().map_err(ToString::to_string).map(|_| ());
        let sources: Vec<&str> =
            config.sources.iter().map(|setting| setting.shown.as_str()).collect();
        let told = format!("{problems:?} {destination:?} {sources:?}");
        assert!(!told.contains(SECRET), "{told}");
        let _ = Policy::from(&config);
    }
}

/// Files of state: a delivery goes on with whatever they hold, or leaves them alone.
pub fn state(data: &[u8]) {
    let folder = scratch();
    let store = Store::new(folder.path());
    let path = folder.path().join(format!("{SESSION}.jsonl"));
    std::fs::write(&path, SESSION_ROWS).expect("a file");
    let cursor = Cursor::new(SESSION, DESTINATION, path.clone());
    store.save_cursor(&cursor).expect("a cursor");
    let root = store.root();
    std::fs::create_dir_all(root.join("destinations")).expect("a folder");
    let files = [
        root.join(format!("sessions/{SESSION}/{DESTINATION}.json")),
        root.join(format!("destinations/{DESTINATION}.json")),
        root.join("pauses.json"),
    ];
    for file in files {
        std::fs::write(file, data).expect("a file");
    }
    let now = Timestamp::now();
    let _ = store.backoff(DESTINATION).holds(now);
    let paused = store.pauses().times(Some(Path::new("/home/dev")));
    let _ = paused.iter().any(|time| time.covers(now));
    let mut taker = Taker::default();
    for (extent, trigger) in
        [(Extent::Live, Trigger::SessionEnd), (Extent::Resume, late()), (Extent::Backfill, late())]
    {
        if let Ok(Some(report)) =
            deliver(&job(&path, extent, trigger), StateAccess::ReadWrite(&store), &mut taker)
        {
            note_health(&store, DESTINATION, &report, 48 * 1024);
        }
    }
    let again =
        deliver(&job(&path, Extent::Resend, late()), StateAccess::ReadWrite(&store), &mut taker);
    assert!(
        again.is_ok_and(|report| report.is_some_and(|report| report.spans == 2)),
        "not all was sent again"
    );
}

/// What a server answers: heard to its end or not, it means something, and shows no key.
pub fn reply(data: &[u8]) {
    static LISTENER: LazyLock<TcpListener> =
        LazyLock::new(|| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = LISTENER.local_addr().expect("an address");
    let secret = Secret::new(SECRET);
    let mut client =
        Client::new(&format!("http://{address}"), "pk-lf-1", &secret, ClientOptions::default())
            .expect("a client");
    let reply = std::thread::scope(|scope| {
        let sent =
            scope.spawn(|| client.send(&Body::new(b"{}"), Deadline::after(Duration::from_secs(5))));
        answer(&LISTENER, data);
        sent.join().expect("no panic")
    });
    let told = format!("{reply:?}");
    assert!(!told.contains(SECRET) && !told.contains('\n'), "{told}");
    if reply == Verdict::Acknowledged {
        let text = String::from_utf8_lossy(data);
        assert!(
            text.contains("HTTP/1") && text.contains('{'),
            "taken for an acknowledgement: {text}"
        );
    }
}

/// Answers the first request and lets nobody wait.
fn answer(listener: &TcpListener, data: &[u8]) {
    let (mut stream, _) = listener.accept().expect("a connection");
    read_request(&mut stream);
    let _ = stream.write_all(data);
}

fn read_request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut some = [0; 1024];
    while !head.ends_with(b"\r\n\r\n{}") {
        match stream.read(&mut some) {
            Ok(0) | Err(_) => return,
            Ok(length) => head.extend_from_slice(&some[..length]),
        }
    }
}

fn job(path: &Path, extent: Extent, trigger: Trigger) -> Job {
    Job {
        session_id: SESSION.to_owned(),
        transcript: path.to_owned(),
        is_guest: false,
        destination: DESTINATION.to_owned(),
        extent,
        trigger,
        attributes: Attributes::default(),
        policy: Policy::default(),
        agreed: Agreed::Kept,
        scores: true,
        paused: Vec::new(),
        is_named: true,
        sends_forgotten: false,
        declined: Vec::new(),
        suspended: None,
        wire_limit: None,
    }
}

/// Long after everything.
fn late() -> Trigger {
    Trigger::Sweep { now: Timestamp::parse("2099-01-01T00:00:00Z").expect("a time") }
}

/// A folder in memory where there is one.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a folder")
}
