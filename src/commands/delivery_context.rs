//! Delivery for commands: one connection per destination, and no second request to a server that did not answer.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use base::Timestamp;
use transcript::lineage::{Lineage, SessionIds};
use transcript::session::{Outline, Turn};
use transcript::{Diagnostics, Transcript, locate, origin};

use crate::commands::exit_status::{ExitStatus, misconfigured};
use crate::commands::output::plural;
use crate::commands::retry_after::RetryAfterTransport;
use crate::config::{
    Capture, Config, Destination, Env, Files, MergedSettings, Scope, resolve, without_redirects,
};
use crate::delivery::{
    Agreed, Extent, HttpTransport, Job, MAX_REQUEST_BYTES, Report, StateAccess, Stopped, Transport,
    Trigger, deliver, note_health,
};
use crate::langfuse::Client;
use crate::privacy::invalid_patterns;
use crate::state::{Lock, Store};

/// How long a command waits for the lock of a session.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct SessionTarget {
    pub id: String,
    /// A person named it, so that declined turns are sent too.
    pub is_named: bool,
    /// A person agreed to resend forgotten turns.
    pub sends_forgotten: bool,
    pub transcript: PathBuf,
    pub extent: Extent,
    /// The session that owns the file, if rows of this one were written into it.
    pub host: Option<String>,
    /// Start directory of the session.
    pub start: Option<PathBuf>,
    /// How the agreement of a turn's first delivery limits the policy.
    pub agreed: Agreed,
}

impl SessionTarget {
    /// The same session for a preview. Nothing leaves this machine, so that agreed policies and forgotten turns don't
    /// matter.
    pub(super) fn for_preview(&self) -> Self {
        Self { agreed: Agreed::Ignored, sends_forgotten: true, ..self.clone() }
    }

    /// The state of the session's deliveries.
    pub(super) fn store(&self, config: &Config) -> Store {
        let store = Store::new(&config.state_dir);
        match &self.host {
            Some(host) => store.of_guests(host),
            None => store,
        }
    }

    /// Locks the session; `None` if there can be no lock.
    ///
    /// # Errors
    /// If another process holds the lock for the whole time.
    pub(super) fn lock(&self, store: &Store) -> Result<Option<Lock>> {
        match store.lock(&self.id, LOCK_TIMEOUT) {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => bail!("could not lock session {}: another process is sending it", self.id),
            Err(error) => {
                log::warn!("{error:#}");
                Ok(None)
            }
        }
    }

    /// The turns without their content, and the unreadable lines of the transcript.
    pub(super) fn outline(&self) -> Result<(Outline, Diagnostics)> {
        self.outline_with(|_| {})
    }

    /// Like [`Self::outline`]. `visit` gets each of the session's own turns.
    pub(super) fn outline_with(&self, visit: impl FnMut(&Turn)) -> Result<(Outline, Diagnostics)> {
        outline_of(&self.id, &self.transcript, visit)
    }
}

/// The turns of a session without their content, and the unreadable lines of its transcript.
pub(super) fn outline_of(
    id: &str,
    transcript: &Path,
    visit: impl FnMut(&Turn),
) -> Result<(Outline, Diagnostics)> {
    let lineage = Lineage::new(SessionIds::new(id, transcript), transcript);
    let mut rows = Transcript::open(transcript, 0)?;
    let entries = std::iter::from_fn(|| rows.next_entry().transpose());
    let outline = Outline::read_with(lineage, entries, visit)?;
    Ok((outline, rows.diagnostics().clone()))
}

/// State of one command run: environment, configuration files, connections.
pub(super) struct DeliveryContext {
    pub env: Env,
    pub files: Files,
    /// Whether to wait when a server asks for a pause.
    pub wait_on_retry_after: bool,
    /// All sessions of enabled projects are replayed, so that declined turns stay unsent.
    pub replays_all: bool,
    /// Capture mode from the command line; it replaces the configured one.
    pub capture: Option<Capture>,
    /// Printed warnings: thousands of sessions may share a configuration.
    warned: BTreeSet<String>,
    connections: BTreeMap<String, Connection>,
}

struct Connection {
    transport: Box<dyn Transport>,
    stopped: Option<Stopped>,
}

impl DeliveryContext {
    /// `config_file` replaces the user's configuration file.
    ///
    /// # Errors
    /// If that file is missing: the defaults would send to another project.
    pub(super) fn new(config_file: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = config_file.as_deref().filter(|path| !path.exists()) {
            let message = format!("could not find configuration file: {}", path.display());
            return Err(misconfigured(message));
        }
        let mut env = Env::of_process();
        env.config_override = config_file;
        let files = Files::new();
        env.merged = merged_settings(&mut env, &files);
        let store = env.default_state_dir().map(|folder| Store::new(&folder));
        env.allowed = store.map(|store| store.allowed().digests()).unwrap_or_default();
        if let Some(path) = env.config_file() {
            let state = if path.exists() { "" } else { " (missing)" };
            log::info!("configuration file: {}{state}", path.display());
        }
        Ok(Self {
            env,
            files,
            wait_on_retry_after: false,
            replays_all: false,
            capture: None,
            warned: BTreeSet::new(),
            connections: BTreeMap::new(),
        })
    }

    /// The configuration of a session that was started in `start`.
    pub(super) fn config(&self, start: Option<&Path>, scope: Scope) -> Config {
        let mut config = resolve(&self.env, &self.files, start, scope);
        config.capture = self.capture.unwrap_or(config.capture);
        config
    }

    /// The directory whose configuration applies to a session: its own, or its place in the main checkout once the
    /// worktree is gone.
    pub(super) fn configured_in(&self, id: &str, start: Option<PathBuf>) -> Option<PathBuf> {
        if start.as_deref().is_none_or(Path::exists) {
            return start;
        }
        let store = Store::new(&self.config(None, Scope::FilesOnly).state_dir);
        let cursors = store.cursors_of(id);
        cursors.into_iter().find_map(|cursor| cursor.main_directory).or(start)
    }

    /// Checks that the configuration of all sessions can be read, for commands that select sessions themselves.
    ///
    /// # Errors
    /// When it can't be read: it may switch tracing off.
    pub(super) fn require_readable_config(&self) -> Result<()> {
        match self.config(None, Scope::FilesOnly).suspended {
            Some(problem) => Err(misconfigured(problem)),
            None => Ok(()),
        }
    }

    /// Logs each problem of a configuration once per run.
    pub(super) fn warn(&mut self, config: &Config) {
        for problem in config.problems.iter().chain(&config.warnings).chain(&config.ignored) {
            let message = problem.to_string();
            if !self.warned.contains(&message) {
                log::warn!("{message}");
                self.warned.insert(message);
            }
        }
    }

    /// Delivers a session to its destination. A server that stopped a delivery gets no further request in this run.
    pub(super) fn deliver(
        &mut self,
        session: &SessionTarget,
        config: &Config,
        destination: &Destination,
    ) -> Result<Report> {
        if let Some(reason) = invalid_patterns(config) {
            return Err(misconfigured(reason));
        }
        let store = session.store(config);
        let _lock = session.lock(&store)?;
        let mut job = self.delivery_job(session, config, &destination.id());
        let health = Store::new(&config.state_dir);
        job.wire_limit = health.backoff(&destination.id()).request_limit;
        let connection = self.connection(config, destination)?;
        if let Some(stopped) = &connection.stopped {
            return Ok(Report { stopped: Some(stopped.clone()), ..Report::default() });
        }
        log::info!(
            "{}: to {} with {} ({})",
            session.id,
            destination.base_url,
            destination.public_key,
            destination.keys_source
        );
        let report = deliver(&job, StateAccess::ReadWrite(&store), connection.transport.as_mut())?
            .unwrap_or_default();
        let requests = plural(report.requests, "request");
        log::info!("{}: {requests}, {} bytes", session.id, report.bytes);
        connection.stopped.clone_from(&report.stopped);
        note_health(&health, &destination.id(), &report, MAX_REQUEST_BYTES);
        Ok(report)
    }

    /// The delivery of the session, with its paused and declined turns.
    pub(super) fn delivery_job(
        &self,
        session: &SessionTarget,
        config: &Config,
        destination: &str,
    ) -> Job {
        let mut job = job(session, config, destination);
        job.paused = Store::new(&config.state_dir).pauses().times(session.start.as_deref());
        let notes = self.env.default_state_dir().map(|folder| Store::new(&folder));
        job.paused.extend(notes.and_then(|notes| notes.declined_time(&session.id)));
        if self.replays_all {
            let known = session.store(config).cursor(&session.id, destination);
            job.declined = known.ok().flatten().map(|cursor| cursor.declined()).unwrap_or_default();
        }
        job
    }

    /// A client for requests other than spans.
    ///
    /// # Errors
    /// When the address, the proxy or the certificates can't be used.
    pub(super) fn client(&self, config: &Config, destination: &Destination) -> Result<Client> {
        Client::to(destination, config).map_err(|error| misconfigured(format!("{error:#}")))
    }

    /// # Errors
    /// When the address, the proxy or the certificates can't be used.
    fn connection(
        &mut self,
        config: &Config,
        destination: &Destination,
    ) -> Result<&mut Connection> {
        let entry = match self.connections.entry(destination.id()) {
            Entry::Occupied(entry) => return Ok(entry.into_mut()),
            Entry::Vacant(entry) => entry,
        };
        let http = HttpTransport::new(destination, config, config.timeout, None)
            .map_err(|error| misconfigured(format!("{error:#}")))?;
        let transport: Box<dyn Transport> = if self.wait_on_retry_after {
            Box::new(RetryAfterTransport(http))
        } else {
            Box::new(http)
        };
        Ok(entry.insert(Connection { transport, stopped: None }))
    }
}

/// The settings that Claude Code merged into the environment of a command that it runs; a terminal's shell has none.
fn merged_settings(env: &mut Env, files: &Files) -> Option<MergedSettings> {
    env.variable("CLAUDECODE")?;
    // The session's own folder is known only after Claude Code's, which the project may have named.
    let here = std::env::current_dir().unwrap_or_default();
    let above: Vec<&Path> = here.ancestors().collect();
    without_redirects(env, files, &above, None);
    let of_session = || {
        let session = env.variable("CLAUDE_CODE_SESSION_ID")?;
        let transcript = locate::sessions_by_prefix(&env.claude_config_dir()?, session).pop()?;
        let (start, _) = origin(&transcript).ok()?;
        let store = Store::new(&env.default_state_dir()?);
        // The prefix may match another session.
        (locate::session_id(&transcript) == session).then_some(MergedSettings {
            folders: vec![start?],
            seen: store.project_names(session),
            is_unknown: false,
        })
    };
    Some(of_session().unwrap_or(MergedSettings { is_unknown: true, ..MergedSettings::default() }))
}

pub(super) fn job(session: &SessionTarget, config: &Config, destination: &str) -> Job {
    let trigger = Trigger::Sweep { now: Timestamp::now() };
    let mut job =
        Job::new(&session.id, &session.transcript, config, destination, session.extent, trigger);
    job.is_named = session.is_named;
    job.sends_forgotten = session.sends_forgotten;
    job.agreed = session.agreed;
    job.is_guest = session.host.is_some();
    job
}

pub(super) fn exit_status(report: &Report) -> ExitStatus {
    match &report.stopped {
        Some(stopped) => ExitStatus::of_problem(stopped.problem),
        None if !report.refused.is_empty() || report.postponed > 0 => ExitStatus::ContentRejected,
        None => ExitStatus::Done,
    }
}
