//! Replays the hooks of a recording: each at its time, with the files of that time and the last row delayed.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Firing, Recording, Sandbox, Transcript};

/// The delay of the answer's row if the recording has none.
const USUALLY_LATE: Duration = Duration::from_millis(60);

/// Runs the recorded hooks in order; at the end, the whole recording is on disk.
pub(super) fn play(sandbox: &Sandbox, recording: &Recording) {
    for (position, firing) in recording.firings.iter().enumerate() {
        fire(sandbox, recording, firing, position % 2 == 0);
    }
}

/// Runs only the last recorded hook of each session, with the whole recording on disk.
pub(super) fn play_last(sandbox: &Sandbox, recording: &Recording) {
    sandbox.write_others(recording);
    for transcript in recording.sessions.iter().chain(&recording.agents) {
        sandbox.grow(transcript, usize::MAX);
    }
    for transcript in &recording.sessions {
        let mut firings = recording.firings.iter();
        let last = firings.rfind(|firing| firing.session() == transcript.session);
        if let Some(last) = last {
            fire(sandbox, recording, last, false);
        }
    }
}

/// The sessions without a hook.
pub(super) fn silent(recording: &Recording) -> impl Iterator<Item = &Transcript> {
    let fired = |session: &str| {
        let mut firings = recording.firings.iter();
        firings.any(|firing| firing.session() == session)
    };
    let sessions = recording.sessions.iter();
    sessions.filter(move |transcript| !fired(&transcript.session))
}

/// One hook. `keep_open`: its standard input is never closed.
fn fire(sandbox: &Sandbox, recording: &Recording, firing: &Firing, keep_open: bool) {
    let transcript = recording.session(firing.session());
    sandbox.write_others_at(recording, firing);
    for agent in recording.agents_of(firing.session()) {
        sandbox.grow(agent, agent.rows_at(firing));
    }
    let path = sandbox.projects().join(&transcript.path);
    let before = rows_in(&path);
    let start = firing.rows.max(before);
    sandbox.grow(transcript, start);
    let mut hook = sandbox.start(&["hook"], event_at(firing, &path).to_string().as_bytes());
    if !keep_open {
        hook.close_input();
    }
    if let Some(late) = rows_with_answer(transcript, firing, before, start) {
        let pause = Some(firing.late).filter(|late| !late.is_zero());
        std::thread::sleep(pause.unwrap_or(USUALLY_LATE));
        sandbox.grow(transcript, late);
    }
    hook.end().silent();
}

fn event_at(firing: &Firing, path: &Path) -> Value {
    let mut event = firing.event.clone();
    event["transcript_path"] = json!(path);
    event
}

fn rows_in(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// The number of rows up to the answer, if it was missing at the hook's start.
fn rows_with_answer(
    transcript: &Transcript,
    firing: &Firing,
    before: usize,
    start: usize,
) -> Option<usize> {
    let text = firing.event["last_assistant_message"].as_str()?;
    let row = transcript.answer(text, before)?;
    (row >= start).then_some(row + 1)
}
