//! The mock as a server on a port of its own, with a thread for each connection; dropping it ends them all.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::serving::{accept, path_of, takes_scores};
use super::{Events, INGEST_PATH, Medium, Reading, Reply, Row, ScoreRow, Scoring};

/// The public key of [`MockLangfuse::start`].
pub const PUBLIC_KEY: &str = "pk-lf-test";
/// The secret key of [`MockLangfuse::start`].
pub const SECRET_KEY: &str = "sk-lf-test";

/// A request the server received.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Headers as they came.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, compressed if they were.
    pub body: Vec<u8>,
    /// The body as JSON, decompressed, if it is JSON.
    pub json: Option<Value>,
    /// The status of the reply; `None` if the script sent none.
    pub status: Option<u16>,
    /// Whether a span of it was answered 200 and not stored.
    pub lost: bool,
}

impl Request {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        super::api::Headers(&self.headers).get(name)
    }
}

/// The state that all threads share, under its lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) events: Events,
    pub(super) requests: Vec<Request>,
    pub(super) next: VecDeque<Reply>,
    pub(super) next_read: VecDeque<Reply>,
    pub(super) next_score: VecDeque<Reply>,
    pub(super) next_dataset: VecDeque<Reply>,
    pub(super) next_prompt: VecDeque<Reply>,
    pub(super) next_media: VecDeque<Reply>,
    pub(super) always: Option<Reply>,
    pub(super) connections: Vec<(Weak<TcpStream>, JoinHandle<()>)>,
}

/// The state of the server, with its lock.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    stopped: AtomicBool,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic in one connection's thread must not hide the state from a test.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self) -> bool {
        !self.stopped.load(Ordering::SeqCst)
    }
}

/// A Langfuse on `127.0.0.1`, stopped by dropping it.
pub struct MockLangfuse {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl MockLangfuse {
    /// Starts a server for the keys `pk-lf-test` and `sk-lf-test`.
    pub fn start() -> Self {
        Self::start_with_keys(PUBLIC_KEY, SECRET_KEY)
    }

    /// Starts a server for these keys. As in Langfuse, the secret decides: a wrong public key beside it is accepted.
    pub fn start_with_keys(public: &str, secret: &str) -> Self {
        Self::start_at("127.0.0.1:0", public, secret)
    }

    /// Starts a server at an address, such as that of one that was stopped before.
    pub fn start_at(address: &str, public: &str, secret: &str) -> Self {
        let listener = TcpListener::bind(address).expect("a local port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State { events: Events::with_keys(public, secret), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), ..Shared::default() });
        let accepting = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues a reply: the next ingestion POST without one gets it. The queue goes before [`Self::reply_always`].
    pub fn reply_next(&self, reply: Reply) {
        self.shared.state().next.push_back(reply);
    }

    /// Sets the reply to every ingestion POST; `None` for the normal answer.
    pub fn reply_always(&self, reply: Option<Reply>) {
        self.shared.state().always = reply;
    }

    /// Queues a reply for readers: the next GET of observations without one gets it.
    pub fn reply_to_reader(&self, reply: Reply) {
        self.shared.state().next_read.push_back(reply);
    }

    /// Queues a reply to scores: the next POST of scores without one gets it.
    pub fn reply_to_scorer(&self, reply: Reply) {
        self.shared.state().next_score.push_back(reply);
    }

    /// Queues a reply about datasets: the next request without one gets it.
    pub fn reply_about_datasets(&self, reply: Reply) {
        self.shared.state().next_dataset.push_back(reply);
    }

    /// The names of the datasets.
    pub fn datasets(&self) -> Vec<String> {
        self.shared.state().events.datasets.names()
    }

    /// Every version of each item of a dataset, by its id.
    pub fn dataset_items(&self) -> Vec<Vec<Map<String, Value>>> {
        let state = self.shared.state();
        state.events.datasets.items().values().cloned().collect()
    }

    /// Puts an item into a dataset, which is made if it is missing.
    ///
    /// # Panics
    /// When the server would refuse the item.
    pub fn put_dataset_item(&self, item: &Value) {
        let datasets = &mut self.shared.state().events.datasets;
        let name = serde_json::json!({"name": item["datasetName"]}).to_string();
        for (path, body) in [("v2/datasets", name), ("dataset-items", item.to_string())] {
            let answer = datasets.handle("POST", &format!("/api/public/{path}"), body.as_bytes());
            assert_eq!(answer.status, 200, "{body}");
        }
    }

    /// Queues a reply about prompts: the next request without one gets it.
    pub fn reply_about_prompts(&self, reply: Reply) {
        self.shared.state().next_prompt.push_back(reply);
    }

    /// The versions of each prompt, the oldest first.
    pub fn prompts(&self) -> BTreeMap<String, Vec<Map<String, Value>>> {
        self.shared.state().events.prompts.versions().clone()
    }

    /// Deletes a prompt.
    pub fn delete_prompt(&self, name: &str) {
        self.shared.state().events.prompts.remove(name);
    }

    /// Queues a reply about media or their storage: the next request without one gets it.
    pub fn reply_about_media(&self, reply: Reply) {
        self.shared.state().next_media.push_back(reply);
    }

    /// The media, by id.
    pub fn media(&self) -> BTreeMap<String, Medium> {
        self.shared.state().events.media.0.clone()
    }

    /// Sets how scores are taken.
    pub fn take_scores(&self, scoring: Scoring) {
        self.shared.state().events.scores.scoring = scoring;
    }

    /// Sets the rows that readers see.
    pub fn show(&self, reading: Reading) {
        self.shared.state().events.reading = reading;
    }

    /// All received requests, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// All ingestion POSTs.
    pub fn exports(&self) -> Vec<Request> {
        let export =
            |request: &Request| request.method == "POST" && path_of(&request.path) == INGEST_PATH;
        self.requests().into_iter().filter(export).collect()
    }

    /// All POSTs of scores.
    pub fn score_requests(&self) -> Vec<Request> {
        let scores = |request: &Request| request.method == "POST" && takes_scores(&request.path);
        self.requests().into_iter().filter(scores).collect()
    }

    /// The table of scores, by name and id.
    pub fn scores(&self) -> Vec<ScoreRow> {
        self.shared.state().events.scores()
    }

    /// The "Corrected Output" of an observation: a score of this name and type, by trace and observation (seen in the UI of 4.16.0).
    pub fn corrected_output(&self, trace: &str, observation: &str) -> Option<String> {
        let is_it = |score: &ScoreRow| {
            let fields =
                ["name", "dataType", "traceId", "observationId"].map(|key| score.text(key));
            fields == ["output", "CORRECTION", trace, observation]
        };
        let correction = self.scores().into_iter().find(is_it)?;
        correction.value().as_str().map(str::to_owned)
    }

    /// The events table after replacement, sorted by trace, start and span.
    pub fn rows(&self) -> Vec<Row> {
        self.shared.state().events.rows()
    }

    /// The rows as a server with the older tables has them.
    pub fn older_rows(&self) -> Vec<Row> {
        self.shared.state().events.older_rows()
    }

    /// Every span stored, in order of arrival, before replacement: resends show here.
    pub fn accepted_spans(&self) -> Vec<Row> {
        self.shared.state().events.accepted().to_vec()
    }

    /// All traces as text for snapshot tests.
    pub fn snapshot(&self) -> String {
        super::snapshot::snapshot(&self.rows())
    }

    /// Waits until `enough` holds for the stored rows. Returns whether it did within `limit`.
    pub fn wait_for(&self, limit: Duration, enough: impl Fn(&[Row]) -> bool) -> bool {
        let start = Instant::now();
        while !enough(&self.rows()) {
            if start.elapsed() >= limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Forgets rows, requests and the script.
    pub fn clear(&self) {
        let mut state = self.shared.state();
        state.events.clear();
        state.requests.clear();
        state.next.clear();
        state.next_read.clear();
        state.next_score.clear();
        state.next_dataset.clear();
        state.next_prompt.clear();
        state.next_media.clear();
        state.always = None;
    }
}

impl Drop for MockLangfuse {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which waits for a connection.
        drop(TcpStream::connect_timeout(&self.address, Duration::from_secs(1)));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
        let connections = std::mem::take(&mut self.shared.state().connections);
        for (stream, thread) in connections {
            drop(stream.upgrade().map(|stream| stream.shutdown(Shutdown::Both)));
            drop(thread.join());
        }
    }
}
