//! The files of a session's agents.

use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use transcript::locate::{AgentFile, AgentMeta, Layout, agents};
use transcript::session::Opening;
use transcript::{Block, Entry, FileMark, Record, ToolUse, Transcript};

use super::super::Job;
use crate::state::{Cursor, Subagent};

/// The files of the session's agents. The agents of a guest session are beside its own file, which sends them.
pub(in crate::delivery) fn agent_files(job: &Job, cursor: &Cursor) -> Vec<AgentFile> {
    if job.is_guest {
        return Vec::new();
    }
    let known = |agent: &str| cursor.subagents.contains_key(agent);
    agents(&job.transcript, cursor.layout, &known)
}

/// The files of the session's agents, each with an entry in the cursor.
pub(super) fn enter(job: &Job, cursor: &mut Cursor) -> Vec<AgentFile> {
    let files = agent_files(job, cursor);
    for file in &files {
        let subagent = || Subagent { tool_use_id: file.meta().tool_use_id, ..Subagent::default() };
        cursor.subagents.entry(file.agent_id.clone()).or_insert_with(subagent);
    }
    files
}

/// The file has not changed since it was last read.
pub(in crate::delivery) fn is_unchanged(subagent: &Subagent, path: &Path) -> bool {
    match path.metadata() {
        Ok(metadata) => subagent.file.untouched(&metadata),
        // A running workflow has no file.
        Err(_) => subagent.file == FileMark::default(),
    }
}

/// All rows of an agent's file, with the mark of the file as it was read.
pub(super) fn rows_of(file: &AgentFile, job: &Job) -> Option<(Vec<Entry>, FileMark)> {
    let mut mark = FileMark::default();
    let read = |path: &Path| -> Result<Vec<Entry>> {
        let transcript = Transcript::open(path, 0)?;
        let transcript = transcript.keeping(job.policy.max_chars);
        let mut transcript = transcript.with_media(job.policy.media).timed();
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(entry) = transcript.next_entry()? {
            entries.push(entry);
        }
        if *path == file.path {
            mark = FileMark::take(path, transcript.offset())?;
        }
        Ok(entries)
    };
    let entries = file.rows(read).inspect_err(|error| log::warn!("{error:#}")).ok()?;
    Some((entries, mark))
}

pub(super) fn first_row(file: &AgentFile) -> Option<Entry> {
    file.first_row(|path| Transcript::open(path, 0).ok()?.timed().next_entry().ok()?)
}

/// The row that opens an agent.
pub(super) fn opening(file: &AgentFile, job: &Job) -> Option<Opening> {
    let entry = file.first_row(|path| {
        let transcript = Transcript::open(path, 0).ok()?;
        transcript.keeping(job.policy.max_chars).timed().next_entry().ok()?
    })?;
    let is_prompt = matches!(entry.record, Record::Prompt(_));
    Opening::of_agent(entry).filter(|_| is_prompt)
}

/// The tool call that launched an agent, read from its row.
pub(super) fn launching_call(
    subagent: &Subagent,
    file: &AgentFile,
    session: &Path,
) -> Option<Rc<ToolUse>> {
    let launcher = subagent.launcher.as_ref()?;
    let path = match &launcher.agent_id {
        Some(agent_id) => file.path.with_file_name(format!("agent-{agent_id}.jsonl")),
        None => session.to_owned(),
    };
    let mut transcript = Transcript::open(&path, launcher.offset).ok()?;
    let call = transcript.next_entry().ok().flatten().and_then(|row| call_in(row, subagent));
    // The file may have been rewritten since.
    call.or_else(|| {
        let mut transcript = Transcript::open(&path, 0).ok()?;
        let mut rows = std::iter::from_fn(|| transcript.next_entry().ok()?);
        rows.find_map(|row| call_in(row, subagent))
    })
}

fn call_in(row: Entry, subagent: &Subagent) -> Option<Rc<ToolUse>> {
    let Record::Assistant(answer) = row.record else {
        return None;
    };
    answer.blocks.into_iter().find_map(|block| match block {
        Block::ToolUse(call) if Some(&call.id) == subagent.tool_use_id.as_ref() => Some(call),
        _ => None,
    })
}

/// Neither a tool call nor another agent launched it.
pub(super) fn is_by_command(meta: &AgentMeta) -> bool {
    meta.tool_use_id.is_none() && meta.parent_agent_id.is_none()
}

/// An agent of this prompt works for a command. The prompt's own row and its answer are written after the Stop hook.
pub(in crate::delivery) fn runs_apart(transcript: &Path, prompt_id: &str) -> bool {
    let files = agents(transcript, Some(Layout::Below), &|_| false);
    files.iter().any(|file| {
        let row = first_row(file);
        row.is_some_and(|row| row.header.prompt_id.as_deref() == Some(prompt_id))
            && is_by_command(&file.meta())
    })
}
