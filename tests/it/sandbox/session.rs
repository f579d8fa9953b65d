//! A recorded session in a sandbox, which grows and calls its hooks on request.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Firing, Ran, Recording, Running, Sandbox, Transcript};

/// A recording with one session.
pub(crate) struct Session<'a> {
    sandbox: &'a Sandbox,
    pub(crate) recording: Recording,
}

impl<'a> Session<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, recording: Recording) -> Self {
        assert_eq!(recording.sessions.len(), 1, "{}", recording.name);
        Self { sandbox, recording }
    }

    pub(crate) fn transcript(&self) -> &Transcript {
        &self.recording.sessions[0]
    }

    pub(crate) fn id(&self) -> &str {
        &self.transcript().session
    }

    /// Its file.
    pub(crate) fn path(&self) -> PathBuf {
        self.sandbox.projects().join(&self.transcript().path)
    }

    /// Its file, as an argument.
    pub(crate) fn argument(&self) -> String {
        self.path().display().to_string()
    }

    /// Writes this many rows of it, without its agents' files.
    pub(crate) fn grow(&self, rows: usize) -> &Self {
        self.sandbox.grow(self.transcript(), rows);
        self
    }

    /// Writes all of it, with its agents.
    pub(crate) fn whole(&self) -> &Self {
        for agent in &self.recording.agents {
            self.sandbox.grow(agent, usize::MAX);
        }
        self.grow(usize::MAX)
    }

    /// Writes its file up to the moment before the answer to this Stop, counted from 0.
    pub(crate) fn before_answer(&self, stop: usize) -> &Self {
        self.grow(self.answer_row(stop))
    }

    /// Writes its file up to the answer to this Stop.
    pub(crate) fn answered(&self, stop: usize) -> &Self {
        self.grow(self.answer_row(stop) + 1)
    }

    /// Number of rows up to the answer to this Stop.
    pub(crate) fn answered_rows(&self, stop: usize) -> usize {
        self.answer_row(stop) + 1
    }

    fn answer_row(&self, stop: usize) -> usize {
        let firing = self.stops().nth(stop).expect("so many Stops");
        let text = firing.event["last_assistant_message"].as_str().unwrap();
        self.transcript().answer(text, 0).expect("the answer")
    }

    fn stops(&self) -> impl Iterator<Item = &Firing> {
        let firings = self.recording.firings.iter();
        firings.filter(|firing| firing.name() == "Stop")
    }

    /// The event of this Stop, counted from 0.
    pub(crate) fn stop_event(&self, stop: usize) -> Value {
        self.here(self.stops().nth(stop).expect("so many Stops").event.clone())
    }

    /// The event of its SessionEnd.
    pub(crate) fn end_event(&self) -> Value {
        let mut firings = self.recording.firings.iter();
        let end = firings.rfind(|firing| firing.name() == "SessionEnd");
        self.here(end.expect("its end was recorded").event.clone())
    }

    fn here(&self, mut event: Value) -> Value {
        event["transcript_path"] = json!(self.path());
        event
    }

    /// Claude Code calls a hook of the session; its standard input stays open.
    pub(crate) fn start(&self, event: &Value) -> Running {
        let input = format!("{event}\n");
        self.sandbox.start(&["hook"], input.as_bytes())
    }

    /// Runs the hook of this Stop, counted from 0.
    pub(crate) fn stop(&self, stop: usize) -> Ran {
        self.start(&self.stop_event(stop)).end().silent()
    }

    /// Runs the hook of SessionEnd.
    pub(crate) fn end(&self) -> Ran {
        self.start(&self.end_event()).end().silent()
    }

    /// Runs a replay of its file.
    pub(crate) fn replay(&self, options: &[&str]) -> Ran {
        let path = self.argument();
        let arguments = [&["replay", path.as_str()], options].concat();
        self.sandbox.run(&arguments)
    }
}
