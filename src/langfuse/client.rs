//! One connection to one Langfuse, for the length of a run. Every call ends by its deadline, follows
//! no redirect and shows no key.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;
use ureq::http::Response;
use ureq::tls::RootCerts;
use ureq::typestate::WithBody;
use ureq::{Agent, Proxy, RequestBuilder, SendBody};

use crate::config::{Destination, Secret};
use crate::langfuse::body::Body;
use crate::langfuse::deadline::Deadline;
use crate::langfuse::proxy;
use crate::langfuse::target::Target;
use crate::langfuse::tls::Roots;
use crate::langfuse::transport_error::TransportError;
use crate::langfuse::verdict::Verdict;
use agent::{agent, config};
use preconnect::Preconnect;
use progress::{Upload, had_connected};
use response::Received;
use watch::Watch;

mod agent;
mod preconnect;
mod progress;
mod response;
mod watch;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How far ureq's own timeouts may be behind before the socket is taken away from it.
const GRACE: Duration = Duration::from_millis(50);

/// What the client needs beside the address and the keys.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Certificates to trust beside the usual ones (`LANGFUSE_CA_FILE`).
    pub ca_file: Option<PathBuf>,
    /// The variables for proxies, `SSL_CERT_FILE` and `NIX_SSL_CERT_FILE`. The client never reads
    /// the process's own.
    pub environment: BTreeMap<String, String>,
}

/// Where traces are sent.
const TRACES: &str = "/api/public/otel/v1/traces";
/// More of an acknowledgement is never read.
const MAX_ACKNOWLEDGEMENT_BYTES: usize = 64 * 1024;
/// A page of a thousand observations without their content has half a megabyte.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// What is asked of the server.
#[derive(Clone, Copy)]
enum Call<'a> {
    Export(&'a Body),
    Post(&'a str, &'a Body),
    Get(&'a str),
}

type Answered = Result<Response<ureq::Body>, ureq::Error>;

/// Sends to one Langfuse server with one pair of keys.
#[derive(Debug)]
pub struct Client {
    target: Target,
    authorization: Secret,
    proxy: Option<Proxy>,
    roots: Roots,
    agent: Agent,
    preconnect: Preconnect,
    /// A connection stands, so the next request goes over one that may be stale.
    used: bool,
    /// What the server's clock said in its last answer.
    server_time: Option<OffsetDateTime>,
}

impl Client {
    /// Prepares a client without opening a connection. Fails where only the user can help: a base
    /// URL or a proxy that can't work.
    pub fn new(
        base_url: &str,
        public_key: &str,
        secret_key: &Secret,
        options: ClientOptions,
    ) -> Result<Self> {
        let target = Target::parse(base_url)?;
        let keys = format!("{public_key}:{}", secret_key.expose());
        let proxy = proxy::choose(&target, &options.environment).map(proxy::read).transpose()?;
        let mut roots = Roots::new(options.ca_file.as_deref(), &options.environment);
        let first = roots.next().unwrap_or(RootCerts::WebPki);
        let preconnect = Preconnect::default();
        Ok(Self {
            authorization: Secret::new(format!("Basic {}", BASE64_STANDARD.encode(keys))),
            agent: agent(config(first, proxy.clone()), &preconnect),
            preconnect,
            target,
            proxy,
            roots,
            used: false,
            server_time: None,
        })
    }

    /// A client for the place where a configuration sends to, with the variables of the process for proxies and certificates.
    ///
    /// # Errors
    /// As `new`.
    pub fn to(
        destination: &Destination,
        ca_file: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let options = ClientOptions {
            ca_file: ca_file.map(Path::to_path_buf),
            environment: environment.clone(),
        };
        let Destination { base_url, public_key, secret_key, .. } = destination;
        Self::new(base_url, public_key, secret_key, options)
    }

    /// The server as messages name it: `host:port`.
    pub fn server(&self) -> String {
        self.target.label()
    }

    /// The proxy that is used, as `host:port`.
    pub fn proxy(&self) -> Option<String> {
        let proxy = self.proxy.as_ref()?;
        Some(format!("{}:{}", proxy.host(), proxy.port()))
    }

    /// What the server's clock said in its last answer, if it said something.
    pub fn server_time(&self) -> Option<OffsetDateTime> {
        self.server_time
    }

    /// Opens the connection, so that the first request need not wait for it. Through a proxy that is left to the request.
    ///
    /// # Errors
    /// What the request would meet.
    pub fn connect(&mut self, deadline: Deadline) -> Result<(), Verdict> {
        if self.used || self.proxy.is_some() || deadline.has_passed() {
            return Ok(());
        }
        self.retrying(deadline, |client| {
            let connected = client.preconnect.connect(|| client.fetch(TRACES, deadline));
            connected.map_err(|error| TransportError {
                too_late: deadline.has_passed(),
                started: false,
                wire_len: 0,
                error,
            })
        })
    }

    /// POSTs one OTLP/JSON export and says what came of it. Never blocks past the deadline.
    pub fn send(&mut self, body: &Body, deadline: Deadline) -> Verdict {
        if deadline.has_passed() {
            return Verdict::later(format!("no time left to send to {}", self.server()));
        }
        let reply = match self.ask(Call::Export(body), deadline) {
            Ok(received) => received.classify(&self.server()),
            Err(reply) => reply,
        };
        log::debug!("sent {} bytes: {reply:?}", body.wire_len());
        reply
    }

    /// GETs a path of the API, with its query; `None` where this server has no such thing.
    ///
    /// # Errors
    /// What came instead of an answer in JSON.
    pub fn get(&mut self, path: &str, deadline: Deadline) -> Result<Option<Vec<u8>>, Verdict> {
        self.answer(Call::Get(path), deadline)
    }

    /// POSTs to a path of the API; gives what was answered, `None` where this server has no such thing.
    ///
    /// # Errors
    /// What came instead of an answer in JSON.
    pub fn post(
        &mut self,
        path: &str,
        body: &Body,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, Verdict> {
        self.answer(Call::Post(path, body), deadline)
    }

    fn answer(&mut self, call: Call<'_>, deadline: Deadline) -> Result<Option<Vec<u8>>, Verdict> {
        let received = self.ask(call, deadline)?;
        if received.is_not_found() {
            return Ok(None);
        }
        match received.classify(&self.server()) {
            Verdict::Acknowledged => Ok(Some(received.into_body())),
            reply => Err(reply),
        }
    }

    /// Makes one call and says why there is no answer, if there is none.
    fn ask(&mut self, call: Call<'_>, deadline: Deadline) -> Result<Received, Verdict> {
        let received = self.retrying(deadline, |client| client.exchange(call, deadline))?;
        self.server_time = received.server_time();
        Ok(received)
    }

    /// Tries again where that may help at once.
    fn retrying<Got>(
        &mut self,
        deadline: Deadline,
        attempt: impl Fn(&Self) -> Result<Got, TransportError>,
    ) -> Result<Got, Verdict> {
        let mut refused: Option<TransportError> = None;
        loop {
            match self.watched(deadline, &attempt) {
                Ok(got) => {
                    self.used = true;
                    return Ok(got);
                }
                Err(failure) if !deadline.has_passed() && self.can_retry(&failure) => {
                    // That it expired under the right root tells more than that a wrong one is
                    // not its issuer.
                    refused = refused.or_else(|| failure.tells_more().then_some(failure));
                }
                Err(failure) => {
                    let telling = refused.filter(|_| failure.is_certificate());
                    return Err(self.explain(telling.as_ref().unwrap_or(&failure)));
                }
            }
        }
    }

    /// Whether another try at once may do better: with other roots, or on a fresh connection.
    fn can_retry(&mut self, failure: &TransportError) -> bool {
        if failure.is_certificate() {
            let Some(roots) = self.roots.next() else {
                return false;
            };
            self.agent = agent(config(roots, self.proxy.clone()), &self.preconnect);
            return true;
        }
        std::mem::take(&mut self.used) && failure.is_hang_up()
    }

    fn explain(&self, failure: &TransportError) -> Verdict {
        let mut reply = failure.classify(&self.server(), self.proxy().as_deref());
        if let (Verdict::Misconfigured { reason, .. }, Some(note)) = (&mut reply, self.roots.note())
            && failure.is_certificate()
        {
            reason.push_str("; ");
            reason.push_str(note);
        }
        reply
    }

    /// One request. ureq bounds each write by what is left when it begins, but a write over a slow
    /// link is given that time again for every part that gets through (626 ms of 300 at 100 kbit/s):
    /// so at the deadline the connection is closed under it.
    fn watched<Got>(&mut self, deadline: Deadline, attempt: impl FnOnce(&Self) -> Got) -> Got {
        let watch = Watch::begin(&self.agent, deadline.remaining().saturating_add(GRACE));
        let got = attempt(self);
        if watch.end() {
            self.agent = agent(self.agent.config().clone(), &self.preconnect);
            self.used = false;
        }
        got
    }

    fn exchange(&self, call: Call<'_>, deadline: Deadline) -> Result<Received, TransportError> {
        let started = Cell::new(false);
        let (answer, wire_len, longest) = match call {
            Call::Export(body) => (
                self.upload(TRACES, body, &started, deadline),
                body.wire_len(),
                MAX_ACKNOWLEDGEMENT_BYTES,
            ),
            Call::Post(path, body) => {
                (self.upload(path, body, &started, deadline), body.wire_len(), MAX_RESPONSE_BYTES)
            }
            Call::Get(path) => (self.fetch(path, deadline), 0, MAX_RESPONSE_BYTES),
        };
        match answer {
            Ok(response) => Ok(Received::read(response, longest, deadline)),
            Err(error) => Err(TransportError {
                too_late: deadline.has_passed(),
                started: started.get() || matches!(call, Call::Get(_)) && had_connected(&error),
                wire_len,
                error,
            }),
        }
    }

    fn upload(
        &self,
        path: &str,
        body: &Body,
        started: &Cell<bool>,
        deadline: Deadline,
    ) -> Answered {
        let mut upload = Upload { rest: body.bytes(), started };
        let mut request = self.posting(path, deadline).header("Content-Length", body.wire_len());
        if body.is_gzip() {
            request = request.header("Content-Encoding", "gzip");
        }
        request.send(SendBody::from_reader(&mut upload))
    }

    fn posting(&self, path: &str, deadline: Deadline) -> RequestBuilder<WithBody> {
        self.prepared(self.agent.post(self.target.url(path)), deadline)
            .header("Content-Type", "application/json")
            .header("x-langfuse-ingestion-version", "4")
    }

    fn fetch(&self, path: &str, deadline: Deadline) -> Answered {
        let url = self.target.url(path);
        self.prepared(self.agent.get(url), deadline).call()
    }

    /// What every request has.
    fn prepared<Any>(
        &self,
        request: RequestBuilder<Any>,
        deadline: Deadline,
    ) -> RequestBuilder<Any> {
        let remaining = deadline.remaining();
        request
            .config()
            .timeout_global(Some(remaining))
            .timeout_connect(Some(CONNECT_TIMEOUT.min(remaining)))
            .build()
            .header("Authorization", self.authorization.expose())
            .header("x-langfuse-sdk-name", "claude-langfuse")
            .header("x-langfuse-sdk-version", env!("CARGO_PKG_VERSION"))
    }
}
