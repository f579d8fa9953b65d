//! Delivery for commands: one connection per destination, and no second request to a server that did not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::commands::exit_status::{ConfigurationError, ExitStatus};
use crate::commands::retry_after::RetryAfterTransport;
use crate::config::{Config, Destination, Files, Flag, Scope, Surroundings, resolve};
use crate::delivery::{
    Absent, Courier, Ending, Express, Job, Keeping, Reach, Report, Stopped, deliver, note_health,
};
use crate::mask::unmet_wish;
use crate::session::Outline;
use crate::state::Store;
use crate::transcript::{Diagnostics, Timestamp, Transcript};

/// How long a command waits for the lock of a session.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct SessionTarget {
    pub id: String,
    pub transcript: PathBuf,
    pub reach: Reach,
    /// Start directory of the session.
    pub start: Option<PathBuf>,
}

impl SessionTarget {
    /// The turns without their content, and the unreadable lines of the transcript.
    pub(super) fn outline(&self) -> Result<(Outline, Diagnostics)> {
        let mut transcript = Transcript::open(&self.transcript, 0)?;
        let entries = std::iter::from_fn(|| transcript.next_entry().transpose());
        let outline = Outline::read(&self.id, entries)?;
        Ok((outline, transcript.diagnostics().clone()))
    }
}

/// State of one command run: environment, configuration files, connections.
pub(super) struct DeliveryContext {
    pub surroundings: Surroundings,
    pub files: Files,
    /// Whether to wait when a server asks for a pause.
    pub wait_on_retry_after: bool,
    /// Warnings that were printed: thousands of sessions may share a configuration.
    warned: BTreeSet<String>,
    connections: BTreeMap<String, Connection>,
}

struct Connection {
    courier: Box<dyn Courier>,
    stopped: Option<Stopped>,
}

impl DeliveryContext {
    /// `config_file` replaces the user's configuration file.
    ///
    /// # Errors
    /// When that file is missing: falling back to the defaults would send to another project.
    pub(super) fn new(config_file: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = config_file.as_deref().filter(|path| !path.exists()) {
            let message = format!("could not find configuration file: {}", path.display());
            return Err(ConfigurationError(message).into());
        }
        let mut surroundings = Surroundings::of_process();
        surroundings.config_override = config_file;
        Ok(Self {
            surroundings,
            files: Files::new(),
            wait_on_retry_after: false,
            warned: BTreeSet::new(),
            connections: BTreeMap::new(),
        })
    }

    /// The configuration of a session that was started in `start`.
    pub(super) fn config(&self, start: Option<&Path>, scope: Scope) -> Config {
        let flags: &[Flag] = &[];
        resolve(&self.surroundings, &self.files, start, scope, flags)
    }

    /// Logs each problem of a configuration once per run.
    pub(super) fn warn(&mut self, config: &Config) {
        for problem in config.problems.iter().chain(&config.warnings) {
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
        if let Some(reason) = unmet_wish(config) {
            bail!("{reason}");
        }
        let store = Store::new(&config.state_dir);
        let _lock = match store.lock(&session.id, LOCK_TIMEOUT) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => bail!(
                "could not lock session {}: another process is sending it",
                session.id
            ),
            Err(error) => {
                log::warn!("{error:#}");
                None
            }
        };
        let connection = self.connection(config, destination)?;
        if let Some(stopped) = &connection.stopped {
            return Ok(Report {
                stopped: Some(stopped.clone()),
                ..Report::default()
            });
        }
        let mut job = job(session, config, &destination.id());
        job.paused = store.pauses().times(session.start.as_deref());
        let report =
            deliver(&job, Keeping::Kept(&store), connection.courier.as_mut())?.unwrap_or_default();
        connection.stopped.clone_from(&report.stopped);
        note_health(&store, &destination.id(), &report, 0);
        Ok(report)
    }

    fn connection(
        &mut self,
        config: &Config,
        destination: &Destination,
    ) -> Result<&mut Connection> {
        let id = destination.id();
        let entry = self.connections.entry(id);
        if let std::collections::btree_map::Entry::Vacant(vacant) = entry {
            let environment = &self.surroundings.environment;
            let courier: Box<dyn Courier> =
                match Express::new(destination, config, environment, config.timeout, None) {
                    Ok(express) if self.wait_on_retry_after => {
                        Box::new(RetryAfterTransport(express))
                    }
                    Ok(express) => Box::new(express),
                    Err(error) => Box::new(Absent {
                        reason: format!("{error:#}"),
                    }),
                };
            vacant.insert(Connection {
                courier,
                stopped: None,
            });
        }
        match self.connections.get_mut(&destination.id()) {
            Some(connection) => Ok(connection),
            None => bail!("could not connect to {}", destination.base_url),
        }
    }
}

pub(super) fn job(session: &SessionTarget, config: &Config, destination: &str) -> Job {
    let ending = Ending::ByRows {
        now: Timestamp::now(),
    };
    Job::new(
        &session.id,
        &session.transcript,
        config,
        destination,
        session.reach,
        ending,
    )
}

pub(super) fn exit_status(report: &Report) -> ExitStatus {
    match &report.stopped {
        Some(stopped) => ExitStatus::of_problem(stopped.problem),
        None if !report.refused.is_empty() || report.postponed > 0 => ExitStatus::ContentRejected,
        None => ExitStatus::Done,
    }
}

/// The start directory and the session id of the first rows that have them.
pub(super) fn session_origin(transcript: &Path) -> Result<(Option<PathBuf>, Option<String>)> {
    let mut reader = Transcript::open(transcript, 0)?;
    let (mut start, mut session) = (None, None);
    while let Some(entry) = reader.next_entry()? {
        start = start.or(entry.header.cwd.map(PathBuf::from));
        session = session.or(entry.header.session_id);
        if start.is_some() && session.is_some() {
            break;
        }
    }
    Ok((start, session))
}
