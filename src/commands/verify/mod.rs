//! `verify`: is all that was sent there, once, and as the transcript says? A 200 only means that it was queued.

mod comparison;
mod output;
mod remote;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use transcript::locate;

use crate::commands::cli::{Filter, Global, Verify};
use crate::commands::delivery_context::{Post, Session};
use crate::commands::remedy::meaning;
use crate::commands::session_args::{self, Wanted};
use crate::commands::{Outcome, is_closed_pipe, told};
use crate::config::{Config, Destination, Scope};
use crate::delivery::Reach;
use crate::state::{Cursor, Store};
use comparison::Comparison;
use output::Findings;
use remote::{Failed, Server};

/// Runs the command.
///
/// # Errors
/// When the sessions can't be found, or nothing can be printed.
pub fn run(arguments: &Verify, global: &Global) -> Result<Outcome> {
    told(arguments.json, || verify(arguments, global))
}

fn verify(arguments: &Verify, global: &Global) -> Result<Outcome> {
    let post = Post::new(global.config.clone())?;
    let claude_config = session_args::claude_config(&post)?;
    let mut run = Run {
        post,
        arguments,
        servers: BTreeMap::new(),
        findings: Findings::new(arguments.json),
    };
    match &arguments.session {
        Some(session) => run.one(
            &session_args::one(session, &claude_config)?,
            Scope::Explicit,
        )?,
        None => run.all(&claude_config)?,
    }
    Ok(run.findings.finish()?)
}

struct Run<'a> {
    post: Post,
    arguments: &'a Verify,
    servers: BTreeMap<String, Server>,
    findings: Findings,
}

impl Run<'_> {
    fn all(&mut self, claude_config: &Path) -> Result<()> {
        self.post.require_readable_config()?;
        let filter = Filter {
            since: self.arguments.since,
            ..Filter::default()
        };
        let wanted = Wanted::new(&filter);
        let is_wanted = |path: &PathBuf| wanted.has(path);
        for path in locate::sessions(claude_config).filter(is_wanted) {
            match self.one(&path, Scope::FilesOnly) {
                Err(error) if !is_closed_pipe(&error) => {
                    let (id, reason) = (locate::session_id(&path), format!("{error:#}"));
                    self.findings.failed(&id, &reason, Outcome::Failed)?;
                }
                result => result?,
            }
        }
        Ok(())
    }

    fn one(&mut self, transcript: &Path, scope: Scope) -> Result<()> {
        let (session, config) =
            session_args::session(&mut self.post, transcript, Reach::Again, scope)?;
        let named = scope == Scope::Explicit;
        if !named && !config.enabled && config.suspended.is_none() {
            return Ok(());
        }
        let destination = match &config.destination {
            Ok(destination) => destination,
            Err(problem) => {
                let reason = problem.to_string();
                return Ok(self
                    .findings
                    .failed(&session.id, &reason, Outcome::Misconfigured)?);
            }
        };
        let cursor = Store::new(&config.state_dir).cursor(&session.id, &destination.id())?;
        if !named && cursor.is_none() {
            self.findings.never_sent();
            return Ok(());
        }
        match self.compare(&session, &config, destination, cursor.as_ref()) {
            // Somebody else may have sent it, or this program before its state was lost.
            Ok(comparison) if cursor.is_none() && comparison.is_absent() => {
                Ok(self.findings.named_never_sent(&session.id)?)
            }
            Ok(comparison) => {
                let link = |trace: &str| destination.trace_link(trace);
                Ok(self.findings.session(&comparison, link)?)
            }
            Err(Failed::Server(reply)) => {
                let (reason, outcome) = meaning(&reply, destination);
                Ok(self.findings.failed(&session.id, &reason, outcome)?)
            }
            Err(Failed::Here(error)) => Err(error),
        }
    }

    fn compare(
        &mut self,
        session: &Session,
        config: &Config,
        destination: &Destination,
        cursor: Option<&Cursor>,
    ) -> Result<Comparison, Failed> {
        let mut comparison = Comparison::of(session, config)?;
        let (outline, _) = session.outline()?;
        let store = Store::new(&config.state_dir);
        let placements = store.placements(&session.id, &destination.id());
        comparison.place(&outline, &placements?);
        if let Some(cursor) = cursor {
            comparison.set_aside(cursor, &outline)?;
        }
        let arguments = self.arguments;
        let server = self.server(config, destination)?;
        let sent_at = cursor.and_then(|cursor| cursor.delivered_at);
        server.read_back(&mut comparison, sent_at, arguments)?;
        if arguments.repair && comparison.is_lacking() {
            server.repair(&mut comparison, session, config, arguments)?;
        }
        Ok(comparison)
    }

    fn server(
        &mut self,
        config: &Config,
        destination: &Destination,
    ) -> Result<&mut Server, Failed> {
        let id = destination.id();
        if !self.servers.contains_key(&id) {
            let environment = &self.post.surroundings.environment;
            let server = Server::new(config, destination, environment)?;
            self.servers.insert(id.clone(), server);
        }
        let server = self.servers.get_mut(&id);
        Ok(server.context("could not keep the connection")?)
    }
}
