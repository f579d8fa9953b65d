//! Delivery for commands: one connection a destination, and no second try at a server that did not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use base::Timestamp;
use transcript::session::Outline;
use transcript::{Diagnostics, Transcript, locate, origin};

use super::patience::Patient;
use super::{Misconfigured, Outcome};
use crate::config::{Capture, Config, Destination, Env, Files, MergedSettings, Scope, resolve};
use crate::delivery::{
    Agreed, Extent, HttpTransport, Job, Report, StateAccess, Stopped, Transport, Trigger,
    Unavailable, deliver, note_health,
};
use crate::privacy::invalid_patterns;
use crate::state::{Store, grant};

/// How long a command waits for a hook that has the session.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// A session for a command to deliver.
#[derive(Clone)]
pub(super) struct Session {
    pub id: String,
    pub transcript: PathBuf,
    pub extent: Extent,
    /// The directory in which it was started.
    pub start: Option<PathBuf>,
    /// How far what was agreed about its turns counts.
    pub agreed: Agreed,
}

impl Session {
    /// The same where nothing of it leaves this machine.
    pub(super) fn looked_at(&self) -> Self {
        Self { agreed: Agreed::Ignored, ..self.clone() }
    }

    /// Its turns, without their content, and what of its file could not be read.
    pub(super) fn outline(&self) -> Result<(Outline, Diagnostics)> {
        let mut transcript = Transcript::open(&self.transcript, 0)?;
        let entries = std::iter::from_fn(|| transcript.next_entry().transpose());
        let outline = Outline::read(&self.id, entries)?;
        Ok((outline, transcript.diagnostics().clone()))
    }
}

/// The post office of one command run.
pub(super) struct Post {
    pub env: Env,
    pub files: Files,
    /// A server that asks to be left alone for a while is waited for.
    pub patient: bool,
    /// A capture mode that a person named for the sessions of this run.
    pub capture: Option<Capture>,
    /// What was told of the configuration: thousands of sessions may have the same.
    warned: BTreeSet<String>,
    connections: BTreeMap<String, Connection>,
}

struct Connection {
    transport: Box<dyn Transport>,
    given_up: Option<Stopped>,
}

impl Post {
    /// With this configuration file instead of the user's.
    ///
    /// # Errors
    /// When there is no such file: whoever names one does not mean the defaults.
    pub(super) fn new(config_file: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = config_file.as_deref().filter(|path| !path.exists()) {
            let what =
                format!("could not find the configuration file of --config: {}", path.display());
            return Err(Misconfigured(what).into());
        }
        let mut env = Env::of_process();
        env.config_override = config_file;
        env.merged = merged_settings(&env);
        Ok(Self {
            env,
            files: Files::new(),
            patient: false,
            capture: None,
            warned: BTreeSet::new(),
            connections: BTreeMap::new(),
        })
    }

    /// The configuration of a session that was started in `start`.
    pub(super) fn config(&self, start: Option<&Path>, scope: Scope) -> Config {
        let mut config = resolve(&self.env, &self.files, start, scope);
        config.capture = self.capture.unwrap_or(config.capture);
        grant(&mut config, &self.env);
        config
    }

    /// Makes sure that the configuration of all sessions can be read, for commands that look at those nobody named.
    ///
    /// # Errors
    /// When it can't: it may hold a refusal.
    pub(super) fn require_readable_config(&self) -> Result<()> {
        match self.config(None, Scope::FilesOnly).suspended {
            Some(problem) => Err(Misconfigured(problem.to_string()).into()),
            None => Ok(()),
        }
    }

    /// Tells what is wrong with a configuration that is about to be used, each thing once.
    pub(super) fn warn(&mut self, config: &Config) {
        for problem in config.problems.iter().chain(&config.warnings) {
            let told = problem.to_string();
            if !self.warned.contains(&told) {
                log::warn!("{told}");
                self.warned.insert(told);
            }
        }
    }

    /// Delivers a session to its destination. A server that did not answer is not asked again in this run.
    pub(super) fn deliver(
        &mut self,
        session: &Session,
        config: &Config,
        destination: &Destination,
    ) -> Result<Report> {
        if let Some(reason) = invalid_patterns(config) {
            bail!("{reason}");
        }
        let store = Store::new(&config.state_dir);
        let _lock = match store.lock(&session.id, LOCK_PATIENCE) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => {
                bail!("could not lock session {}: another process is sending it", session.id)
            }
            Err(error) => {
                log::warn!("{error:#}");
                None
            }
        };
        let connection = self.connection(config, destination)?;
        if let Some(stopped) = &connection.given_up {
            return Ok(Report { stopped: Some(stopped.clone()), ..Report::default() });
        }
        let mut job = job(session, config, &destination.id());
        job.paused = store.pauses().times(session.start.as_deref());
        let report = deliver(&job, StateAccess::ReadWrite(&store), connection.transport.as_mut())?
            .unwrap_or_default();
        connection.given_up.clone_from(&report.stopped);
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
            let environment = &self.env.environment;
            let transport: Box<dyn Transport> =
                match HttpTransport::new(destination, config, environment, config.timeout, None) {
                    Ok(express) if self.patient => Box::new(Patient(express)),
                    Ok(express) => Box::new(express),
                    Err(error) => Box::new(Unavailable { reason: format!("{error:#}") }),
                };
            vacant.insert(Connection { transport, given_up: None });
        }
        match self.connections.get_mut(&destination.id()) {
            Some(connection) => Ok(connection),
            None => bail!("could not connect to {}", destination.base_url),
        }
    }
}

/// What Claude Code merged into the environment of a command that it runs. A person's shell has nothing of that.
fn merged_settings(env: &Env) -> Option<MergedSettings> {
    env.variable("CLAUDECODE")?;
    let of_session = || {
        let session = env.variable("CLAUDE_CODE_SESSION_ID")?;
        let transcript = locate::session_by_prefix(&env.claude_config_dir()?, session).ok()?;
        let (start, _) = origin(&transcript).ok()?;
        let store = Store::new(&env.default_state_dir()?);
        // The beginning of an id may be another session's.
        (locate::session_id(&transcript) == session).then_some(MergedSettings {
            folders: vec![start?],
            seen: store.project_names(session),
            is_unknown: false,
        })
    };
    Some(of_session().unwrap_or(MergedSettings { is_unknown: true, ..MergedSettings::default() }))
}

/// What is to be delivered of a session.
pub(super) fn job(session: &Session, config: &Config, destination: &str) -> Job {
    let trigger = Trigger::Sweep { now: Timestamp::now() };
    let mut job =
        Job::new(&session.id, &session.transcript, config, destination, session.extent, trigger);
    job.agreed = session.agreed;
    job
}

/// How a delivery that ended early counts.
pub(super) fn outcome(report: &Report) -> Outcome {
    match &report.stopped {
        Some(stopped) => Outcome::of(stopped.problem),
        None if !report.refused.is_empty() || report.postponed > 0 => Outcome::ContentRefused,
        None => Outcome::Done,
    }
}
