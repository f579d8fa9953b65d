//! The event that Claude Code writes to a hook's standard input. Up to 2.1.0 it holds little more than the session
//! and its file.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use transcript::completion::Expected;
use transcript::replace_surrogates;

/// The event holds the answer's text. No answer is longer than this.
const MAX_EVENT_BYTES: u64 = 16 * 1024 * 1024;

/// The size of one read. Nearly all events are shorter.
const CHUNK: usize = 8 * 1024;

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
/// If the input is no hook event. The message does not quote it.
pub fn read(input: impl Read) -> Result<Event> {
    let text = read_object(input.take(MAX_EVENT_BYTES))
        .context("could not read hook event: standard input can't be read")?;
    let value = first_value(&text)
        .context("could not read hook event: standard input is empty; Claude Code calls 'claude-langfuse hook' itself")?;
    let value = value.context("could not read hook event: standard input holds no JSON")?;
    let event: Event = serde_json::from_str(&replace_surrogates(value.get()))
        .context("could not read hook event: its JSON is no hook event of Claude Code")?;
    ensure!(!event.session_id.is_empty(), "could not read hook event: it names no session");
    ensure!(
        event.transcript.is_absolute(),
        "could not read hook event: it names no transcript by its whole path"
    );
    Ok(event)
}

/// Reads up to the end of an object, or all of another text. Reading byte by byte took a fifth of the instructions of a
/// hook with nothing to do.
fn read_object(mut input: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let filled = text.len();
        text.resize(filled + CHUNK, 0);
        let read = input.read(text.get_mut(filled..).unwrap_or_default());
        text.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(0) => return Ok(text),
            Ok(_) => {}
        }
        let new = text.get(filled..).unwrap_or_default();
        // A full chunk is followed by another one, unless the object ends with it.
        let may_end = match new.len() < CHUNK {
            true => new.contains(&b'}') || !text.trim_ascii_start().starts_with(b"{"),
            false => new.trim_ascii_end().ends_with(b"}"),
        };
        if may_end && first_value(&text).is_some_and(|value| !is_cut(&value)) {
            return Ok(text);
        }
    }
}

fn first_value(text: &[u8]) -> Option<serde_json::Result<&RawValue>> {
    serde_json::Deserializer::from_slice(text).into_iter().next()
}

fn is_cut(value: &serde_json::Result<&RawValue>) -> bool {
    value.as_ref().is_err_and(serde_json::Error::is_eof)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::json;

    use super::{Kind, read};

    /// Returns its text, and panics on any further read.
    struct OpenPipe(&'static [u8]);

    impl Read for OpenPipe {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(!self.0.is_empty(), "the event was whole, but more was read");
            self.0.read(buffer)
        }
    }

    /// Returns at most this many bytes per read.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.1.min(buffer.len());
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn an_event_is_read_without_waiting_for_the_end_of_input() {
        let text = br#"{"session_id":"s","transcript_path":"/t","hook_event_name":"Stop","new":1}"#;
        let event = read(OpenPipe(text)).unwrap();
        assert_eq!((event.kind(), event.session_id.as_str()), (Some(Kind::Stop), "s"));
    }

    #[test]
    fn reads_an_event_before_other_text_without_waiting_for_the_end_of_input() {
        let text = br#"{"session_id":"s","transcript_path":"/t","hook_event_name":"Stop"} rest"#;
        assert_eq!(read(OpenPipe(text)).unwrap().kind(), Some(Kind::Stop));
        assert!(read(OpenPipe(b"rubbish")).is_err());
    }

    #[test]
    fn reads_an_event_in_pieces_of_any_length() {
        let answer = format!("{{\"a\": {{}}}} {}{}", "}".repeat(100), "x".repeat(super::CHUNK));
        let event =
            json!({"session_id": "s", "transcript_path": "/t", "last_assistant_message": answer});
        let text = format!(" {event}\n");
        for length in [1, 7, 1000, super::CHUNK, text.len()] {
            let event = read(Pieces(text.as_bytes(), length)).unwrap();
            assert_eq!(event.expected().last_text.as_ref(), Some(&answer), "{length}");
        }
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
