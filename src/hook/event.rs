//! The event that Claude Code writes to a hook's standard input. Up to 2.1.0 it holds little more than the session
//! and its file.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use transcript::completion::Expected;
use transcript::replace_surrogates;

/// The event holds the answer's text. No answer is longer than this.
const MAX_EVENT_BYTES: u64 = 16 * 1024 * 1024;

/// The kind of an event that needs work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A turn has ended, or a Stop hook let it continue.
    Stop,
    /// The session is over.
    SessionEnd,
}

/// One hook event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    /// `Stop` or `SessionEnd`; other events are ignored.
    #[serde(rename = "hook_event_name")]
    pub name: String,
    pub session_id: String,
    #[serde(rename = "transcript_path")]
    pub transcript: PathBuf,
    /// The session's current directory.
    pub cwd: Option<PathBuf>,
    prompt_id: Option<String>,
    last_assistant_message: Option<String>,
    #[serde(deserialize_with = "flag")]
    stop_hook_active: bool,
}

impl Event {
    /// The kind of the event; `None` if it needs no work.
    pub fn kind(&self) -> Option<Kind> {
        match self.name.as_str() {
            "Stop" => Some(Kind::Stop),
            "SessionEnd" => Some(Kind::SessionEnd),
            _ => None,
        }
    }

    /// The end of the turn, as far as the release names it.
    pub fn expected(&self) -> Expected {
        let last_text = self.last_assistant_message.clone().filter(|text| !text.trim().is_empty());
        let prompt_id = self.prompt_id.clone();
        Expected { prompt_id, last_text, was_blocked: self.stop_hook_active }
    }
}

/// An unexpected type of a field must not lose the event.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

/// Reads one JSON value and stops, because the pipe may stay open for hours (Claude Code issues 87289 and 90585).
///
/// # Errors
///
/// If the input is no hook event. The message does not quote it.
pub fn read(input: impl Read) -> Result<Event> {
    let mut values = serde_json::Deserializer::from_reader(input.take(MAX_EVENT_BYTES))
        .into_iter::<Box<RawValue>>();
    let value = values
        .next()
        .context("could not read hook event: standard input is empty; Claude Code calls 'claude-langfuse hook' itself")?;
    let text = value.context("could not read hook event: standard input holds no JSON")?;
    let event: Event = serde_json::from_str(&replace_surrogates(text.get()))
        .context("could not read hook event: its JSON is no hook event of Claude Code")?;
    ensure!(!event.session_id.is_empty(), "could not read hook event: it names no session");
    ensure!(
        event.transcript.is_absolute(),
        "could not read hook event: it names no transcript by its whole path"
    );
    Ok(event)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Kind, read};

    /// Returns its text, and panics on any further read.
    struct OpenPipe(&'static [u8]);

    impl Read for OpenPipe {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(!self.0.is_empty(), "the event was whole, but more was read");
            self.0.read(buffer)
        }
    }

    #[test]
    fn an_event_is_read_without_waiting_for_the_end_of_input() {
        let text = br#"{"session_id":"s","transcript_path":"/t","hook_event_name":"Stop","new":1}"#;
        let event = read(OpenPipe(text)).unwrap();
        assert_eq!((event.kind(), event.session_id.as_str()), (Some(Kind::Stop), "s"));
    }

    #[test]
    fn rejects_other_input_without_quoting_it() {
        for text in ["", "  ", "rubbish", "{", "[]", "{}", r#"{"session_id":"s"}"#, "42"] {
            let error = format!("{:#}", read(text.as_bytes()).unwrap_err());
            assert!(error.starts_with("could not read hook event: "), "{error}");
            assert!(!error.contains("rubbish"), "{error}");
        }
    }

    #[test]
    fn a_lone_surrogate_in_the_answer_does_not_lose_the_event() {
        let text =
            br#"{"session_id":"s","transcript_path":"/t","last_assistant_message":"a\ud83d"}"#;
        assert_eq!(read(&text[..]).unwrap().expected().last_text.unwrap(), "a\u{fffd}");
    }
}
