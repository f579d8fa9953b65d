//! The connection of one run to one Langfuse. Every call ends by its deadline, follows no redirect and shows no key.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;
use ureq::http::Response;
use ureq::tls::RootCerts;
use ureq::{Agent, Proxy, RequestBuilder, SendBody};

use crate::config::{Config, Destination, Secret};
use crate::langfuse::proxy;
use crate::langfuse::target::Target;
use crate::langfuse::tls::Roots;
use crate::langfuse::transport_error::TransportError;
use crate::langfuse::verdict::server_time;
use crate::langfuse::{Body, Deadline, Verdict};
use agent::{agent, config};
use preconnect::Preconnect;
use progress::{Upload, had_connected};
use response::Received;
use watch::Watch;

mod agent;
mod elsewhere;
mod methods;
mod preconnect;
mod progress;
mod response;
mod watch;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for ureq's own timeouts before the socket is closed under it.
const GRACE: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// More trusted certificates (`LANGFUSE_CA_FILE`).
    pub ca_file: Option<PathBuf>,
    /// The variables for proxies, `SSL_CERT_FILE` and `NIX_SSL_CERT_FILE`. The client never reads those of the process.
    pub environment: BTreeMap<String, String>,
    /// Headers of every request beside the client's own.
    pub headers: Vec<(String, Secret)>,
}

const TRACES: &str = "/api/public/otel/v1/traces";
const MAX_ACKNOWLEDGEMENT_BYTES: usize = 64 * 1024;
/// A page of a thousand observations without content is half a megabyte.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone, Copy)]
struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a Body>,
    max_response: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

type UreqResult = Result<Response<ureq::Body>, ureq::Error>;

/// Sends to one Langfuse server with one pair of keys.
#[derive(Debug)]
pub struct Client {
    target: Target,
    authorization: Secret,
    headers: Vec<(String, Secret)>,
    proxy: Option<Proxy>,
    roots: Roots,
    agent: Agent,
    /// The variables for proxies.
    environment: BTreeMap<String, String>,
    preconnect: Preconnect,
    /// A connection exists, so the next request goes over one that may be stale.
    used: bool,
    /// The date of the last response.
    server_time: Option<OffsetDateTime>,
}

impl Client {
    /// A client without a connection.
    ///
    /// # Errors
    /// If the base URL or the proxy is invalid.
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
            headers: options.headers,
            authorization: Secret::new(format!("Basic {}", BASE64_STANDARD.encode(keys))),
            agent: agent(config(first, proxy.clone()), &preconnect),
            preconnect,
            environment: options.environment,
            target,
            proxy,
            roots,
            used: false,
            server_time: None,
        })
    }

    /// A client for a configured destination.
    ///
    /// # Errors
    /// As `new`.
    pub fn to(destination: &Destination, config: &Config) -> Result<Self> {
        let options = ClientOptions {
            ca_file: config.ca_file.clone(),
            environment: config.network.clone(),
            headers: config.headers.clone(),
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

    /// The date of the last response.
    pub fn server_time(&self) -> Option<OffsetDateTime> {
        self.server_time
    }

    /// Connects ahead of the first request, unless there is a proxy.
    ///
    /// # Errors
    /// The verdict that the request would get.
    pub fn connect(&mut self, deadline: Deadline) -> Result<(), Verdict> {
        if self.used || self.proxy.is_some() || deadline.has_passed() {
            return Ok(());
        }
        self.retrying(deadline, |client| {
            let connected =
                client.preconnect.connect(|| client.fetch(Method::Get, TRACES, deadline));
            connected.map_err(|error| TransportError {
                too_late: deadline.has_passed(),
                started: false,
                wire_len: 0,
                error,
            })
        })
    }

    /// POSTs one OTLP/JSON export. Never blocks past the deadline.
    pub fn send(&mut self, body: &Body, deadline: Deadline) -> Verdict {
        if deadline.has_passed() {
            return Verdict::later(format!("no time left to send to {}", self.server()));
        }
        let call = Call {
            method: Method::Post,
            path: TRACES,
            body: Some(body),
            max_response: MAX_ACKNOWLEDGEMENT_BYTES,
        };
        let verdict = match self.ask(call, deadline) {
            Ok(received) => received.classify(&self.server()),
            Err(verdict) => verdict,
        };
        log::debug!("sent {} bytes: {verdict:?}", body.wire_len());
        verdict
    }

    fn ask(&mut self, call: Call<'_>, deadline: Deadline) -> Result<Received, Verdict> {
        let received = self.retrying(deadline, |client| client.exchange(call, deadline))?;
        self.server_time = server_time(&received.headers);
        Ok(received)
    }

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
                    // An expired certificate under the right root is a better reason than the unknown issuer of a
                    // wrong root.
                    refused = refused.or_else(|| failure.is_specific().then_some(failure));
                }
                Err(failure) => {
                    let specific = refused.filter(|_| failure.is_certificate());
                    return Err(self.explain(specific.as_ref().unwrap_or(&failure)));
                }
            }
        }
    }

    /// Whether an immediate retry may succeed: with other roots, or on a fresh connection.
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
        let mut verdict = failure.classify(&self.server(), self.proxy().as_deref());
        if let (Verdict::Misconfigured { reason, .. }, Some(note)) =
            (&mut verdict, &self.roots.note)
            && failure.is_certificate()
        {
            reason.push_str("; ");
            reason.push_str(note);
        }
        verdict
    }

    /// One request. ureq limits each write by the time left when it begins, but over a slow link every part of a write gets
    /// that time again (626 ms of 300 at 100 kbit/s): so the connection is closed under it at the deadline.
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
        let (answer, wire_len) = match call.body {
            Some(body) => (self.upload(call, body, &started, deadline), body.wire_len()),
            None => (self.fetch(call.method, call.path, deadline), 0),
        };
        match answer {
            Ok(response) => Ok(Received::read(response, call.max_response, deadline)),
            Err(error) => Err(TransportError {
                too_late: deadline.has_passed(),
                started: started.get() || call.body.is_none() && had_connected(&error),
                wire_len,
                error,
            }),
        }
    }

    fn upload(
        &self,
        call: Call<'_>,
        body: &Body,
        started: &Cell<bool>,
        deadline: Deadline,
    ) -> UreqResult {
        let mut upload = Upload { rest: body.bytes(), started };
        let url = self.target.url(call.path);
        let request = match call.method {
            Method::Delete => self.agent.delete(url).force_send_body(),
            Method::Patch => self.agent.patch(url),
            Method::Get | Method::Post => self.agent.post(url),
        };
        let mut request = self
            .prepared(request, deadline)
            .header("Content-Type", "application/json")
            .header("x-langfuse-ingestion-version", "4")
            .header("Content-Length", body.wire_len());
        if body.is_gzip() {
            request = request.header("Content-Encoding", "gzip");
        }
        request.send(SendBody::from_reader(&mut upload))
    }

    fn fetch(&self, method: Method, path: &str, deadline: Deadline) -> UreqResult {
        let url = self.target.url(path);
        let request = match method {
            Method::Delete => self.agent.delete(url),
            Method::Get | Method::Post | Method::Patch => self.agent.get(url),
        };
        self.prepared(request, deadline).call()
    }

    fn prepared<Any>(
        &self,
        request: RequestBuilder<Any>,
        deadline: Deadline,
    ) -> RequestBuilder<Any> {
        let remaining = deadline.remaining();
        let request = self
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value.expose()));
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
