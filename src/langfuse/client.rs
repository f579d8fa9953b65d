//! One connection to one Langfuse, for the length of a run. Every call ends by its deadline, follows
//! no redirect and shows no key.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy, SendBody};

use crate::config::Secret;
use crate::langfuse::body::Body;
use crate::langfuse::deadline::Deadline;
use crate::langfuse::failure::Failure;
use crate::langfuse::proxy;
use crate::langfuse::reply::Reply;
use crate::langfuse::target::Target;
use crate::langfuse::tls::Roots;
use answer::Received;

mod answer;

const CONNECT: Duration = Duration::from_secs(2);
/// Node, under Langfuse, closes a connection that was idle for 5 s.
const LONGEST_IDLE: Duration = Duration::from_secs(4);
/// How far ureq's own timeouts may be behind before the socket is taken away from it.
const GRACE: Duration = Duration::from_millis(50);
const USER_AGENT: &str = concat!("claude-langfuse/", env!("CARGO_PKG_VERSION"));

/// What the client needs beside the address and the keys.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Certificates to trust beside the usual ones (`LANGFUSE_CA_FILE`).
    pub ca_file: Option<PathBuf>,
    /// The variables for proxies, `SSL_CERT_FILE` and `NIX_SSL_CERT_FILE`. The client never reads
    /// the process's own.
    pub environment: BTreeMap<String, String>,
}

/// Sends to one Langfuse server with one pair of keys.
#[derive(Debug)]
pub struct Client {
    target: Target,
    authorization: Secret,
    proxy: Option<Proxy>,
    roots: Roots,
    agent: Agent,
    /// A request has been answered, so the next one goes over a connection that may be stale.
    used: bool,
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
        let proxy = proxy::choose(&target, &options.environment)
            .map(proxy::read)
            .transpose()?;
        let mut roots = Roots::new(options.ca_file.as_deref(), &options.environment);
        let first = roots.next().unwrap_or(RootCerts::WebPki);
        Ok(Self {
            authorization: Secret::new(format!("Basic {}", BASE64_STANDARD.encode(keys))),
            agent: agent(first, proxy.clone()),
            target,
            proxy,
            roots,
            used: false,
        })
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

    /// POSTs one OTLP/JSON export and says what came of it. Never blocks past the deadline.
    pub fn send(&mut self, body: &Body, deadline: Deadline) -> Reply {
        if deadline.has_passed() {
            return Reply::Later {
                reason: format!("no time left to send to {}", self.server()),
                retry_after: None,
                network: false,
                timed_out: false,
            };
        }
        let mut refused = None;
        let reply = loop {
            match self.attempt(body, deadline) {
                Ok(received) => {
                    self.used = true;
                    break received.meaning(&self.server());
                }
                Err(failure) if !deadline.has_passed() && self.can_mend(&failure) => {
                    // That it expired under the right root tells more than that a wrong one is
                    // not its issuer.
                    refused = refused.or_else(|| failure.tells_more().then_some(failure));
                }
                Err(failure) => {
                    let telling = refused.filter(|_| failure.is_certificate());
                    break self.explain(telling.as_ref().unwrap_or(&failure));
                }
            }
        };
        log::debug!("sent {} bytes: {reply:?}", body.wire_len());
        reply
    }

    /// Whether another try at once may do better: with other roots, or on a fresh connection.
    fn can_mend(&mut self, failure: &Failure) -> bool {
        if failure.is_certificate() {
            let Some(roots) = self.roots.next() else {
                return false;
            };
            self.agent = agent(roots, self.proxy.clone());
            return true;
        }
        std::mem::take(&mut self.used) && failure.is_hang_up()
    }

    fn explain(&self, failure: &Failure) -> Reply {
        let mut reply = failure.meaning(&self.server(), self.proxy().as_deref());
        if let (Reply::Misconfigured { reason, .. }, Some(note)) = (&mut reply, self.roots.note())
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
    fn attempt(&mut self, body: &Body, deadline: Deadline) -> Result<Received, Failure> {
        let (done, waiting) = mpsc::channel::<()>();
        let watched = self.agent.clone();
        let limit = deadline.remaining().saturating_add(GRACE);
        let (outcome, closed) = thread::scope(|scope| {
            let watch = thread::Builder::new().spawn_scoped(scope, move || {
                let late = waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
                if late {
                    watched.shutdown();
                }
                late
            });
            let outcome = self.exchange(body, deadline);
            drop(done);
            let closed = watch.is_ok_and(|watch| watch.join().unwrap_or(true));
            (outcome, closed)
        });
        if closed {
            self.agent = self.agent.config().new_agent();
            self.used = false;
        }
        outcome
    }

    fn exchange(&self, body: &Body, deadline: Deadline) -> Result<Received, Failure> {
        let started = Cell::new(false);
        let mut upload = Upload {
            rest: body.bytes(),
            started: &started,
        };
        let remaining = deadline.remaining();
        let mut request = self
            .agent
            .post(self.target.traces_url())
            .config()
            .timeout_global(Some(remaining))
            .timeout_connect(Some(CONNECT.min(remaining)))
            .build()
            .header("Authorization", self.authorization.expose())
            .header("Content-Type", "application/json")
            .header("Content-Length", body.wire_len())
            .header("x-langfuse-ingestion-version", "4")
            .header("x-langfuse-sdk-name", "claude-langfuse")
            .header("x-langfuse-sdk-version", env!("CARGO_PKG_VERSION"));
        if body.is_gzip() {
            request = request.header("Content-Encoding", "gzip");
        }
        match request.send(SendBody::from_reader(&mut upload)) {
            Ok(response) => Ok(Received::read(response, deadline)),
            Err(error) => Err(Failure {
                too_late: deadline.has_passed(),
                started: started.get(),
                wire_len: body.wire_len(),
                error,
            }),
        }
    }
}

/// The body on its way, which notes that it is: only ureq knows when the connection stood.
struct Upload<'a> {
    rest: &'a [u8],
    started: &'a Cell<bool>,
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.started.set(true);
        self.rest.read(buffer)
    }
}

fn agent(roots: RootCerts, proxy: Option<Proxy>) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .user_agent(USER_AGENT)
        .max_idle_age(LONGEST_IDLE)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .new_agent()
}
