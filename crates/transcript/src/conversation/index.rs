//! The rows of a file: their places and their links.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use serde_json::value::RawValue;

use super::rows::items;
use crate::rows::{self, Attachment, Row as WireRow};
use crate::{Line, Lines, is_trusted, json_text};

/// The place of a row in its file, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub length: usize,
}

/// A row of the session itself, not of an agent.
#[derive(Debug)]
pub(super) struct Row {
    pub place: Place,
    pub parent: Option<String>,
    pub kind: Kind,
}

/// The role of a row in the conversation.
#[derive(Debug)]
pub(super) enum Kind {
    /// A user row, with the tool calls that it answers.
    User { results: Vec<String>, is_summary: bool },
    /// A row of an answer, with its tool calls.
    AssistantMessage { answer: String, calls: Vec<String> },
    /// A failure that the CLI writes like an answer. The model never receives it.
    Failure,
    /// A prompt that joined the running turn, or the output of a local command.
    Beside,
    /// The conversation was replaced by its summary.
    Boundary(Box<Boundary>),
    /// A row that is never sent, but that is the parent of other rows.
    Step,
}

/// A compaction.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// The last row before it.
    pub after: Option<String>,
    /// The kept rows.
    pub kept: Vec<String>,
    /// The first and last kept row, in releases that do not list all of them.
    pub ends: Option<(String, String)>,
    /// The row that the kept rows follow now.
    pub anchor: Option<String>,
}

/// A request as its row describes it: the first `keep` messages of `base`, and `tail`.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub base: Option<String>,
    pub keep: usize,
    pub tail: Vec<String>,
}

/// All rows of a file, without their content.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub rows: Vec<Row>,
    pub requests: BTreeMap<String, Request>,
    /// Messages with a row of their own, by hash.
    pub blobs: BTreeMap<String, Place>,
    /// 2.1.100 writes some rows twice.
    by_uuid: BTreeMap<String, Vec<usize>>,
    /// The rows of each answer, by its request, its message id or its first row.
    answers: BTreeMap<String, Vec<usize>>,
    /// The message id and the name of the answer whose rows may continue, if only the order of the rows identifies
    /// it.
    unnamed: Option<(Option<String>, String)>,
    /// The request named by an answer's first row.
    asked_by: BTreeMap<usize, String>,
    boundaries: Vec<usize>,
    /// The commits that the model received, each with the number of rows before it.
    commits: Vec<(usize, String)>,
}

impl Index {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path, 0)?;
        let mut index = Self::default();
        while let Some(line) = lines.next_line()? {
            index.add(line);
        }
        Ok(index)
    }

    /// The rows of an answer.
    pub(super) fn answer(&self, answer: &str) -> impl Iterator<Item = usize> {
        self.answers.get(answer).into_iter().flatten().copied()
    }

    /// The first row with each of these uuids.
    pub(super) fn rows_of(&self, uuids: &[String]) -> impl Iterator<Item = usize> {
        uuids.iter().filter_map(|uuid| self.by_uuid.get(uuid)?.first().copied())
    }

    /// The request of an answer, if it has a row.
    pub(super) fn request_of(&self, row: usize) -> Option<String> {
        self.asked_by.get(&row).cloned()
    }

    /// The last row with this id before another one.
    pub(super) fn row_before(&self, uuid: &str, before: usize) -> Option<usize> {
        let written = self.by_uuid.get(uuid)?;
        written.iter().rev().copied().find(|row| *row < before)
    }

    /// The compactions before a row, last one first.
    pub(super) fn boundaries_before(&self, row: usize) -> impl Iterator<Item = (usize, &Boundary)> {
        let before = self.boundaries.iter().rev().filter(move |at| **at < row);
        before.filter_map(|at| match &self.rows.get(*at)?.kind {
            Kind::Boundary(boundary) => Some((*at, &**boundary)),
            _ => None,
        })
    }

    pub(super) fn commit_before(&self, row: usize) -> Option<&str> {
        self.commit_between(0, row)
    }

    pub(super) fn commit_between(&self, first: usize, row: usize) -> Option<&str> {
        let (at, commit) = self.commits.iter().rev().find(|(at, _)| *at < row)?;
        (*at >= first).then_some(commit)
    }

    fn add(&mut self, line: Line<'_>) {
        let place = Place { offset: line.offset, length: line.bytes.len() };
        let text = json_text::of_line(line.bytes);
        let Ok(mut row) = serde_json::from_str::<WireRow<'_>>(&text) else {
            return;
        };
        match (row.kind.take().as_deref(), row.uuid.take()) {
            (Some("api-request"), _) => self.add_request(row),
            (Some("api-request-blob"), _) => {
                self.blobs.extend(row.hash.0.map(|hash| (hash, place)))
            }
            (Some(kind), Some(uuid)) if *row.is_sidechain != Some(true) => {
                let at = self.rows.len();
                let parent = row.parent_uuid.take();
                let kind = self.kind(kind, row, &uuid, at);
                self.by_uuid.entry(uuid).or_default().push(at);
                self.rows.push(Row { place, parent, kind });
            }
            _ => {}
        }
    }

    fn add_request(&mut self, row: WireRow<'_>) {
        let tail = row.tail.and_then(items).unwrap_or_default();
        let request = Request {
            base: row.base.0,
            keep: row.keep.unwrap_or_default(),
            tail: tail
                .into_iter()
                .filter_map(|hash| serde_json::from_str(hash.get()).ok())
                .collect(),
        };
        self.requests.extend(row.id.0.map(|id| (id, request)));
    }

    fn kind(&mut self, kind: &str, mut row: WireRow<'_>, uuid: &str, at: usize) -> Kind {
        let message = row.message.take().unwrap_or_default();
        match kind {
            "user" => {
                self.unnamed = None;
                Kind::User {
                    results: tool_ids(message.content, "tool_result", |block| block.tool_use_id.0),
                    is_summary: *row.is_compact_summary == Some(true),
                }
            }
            "assistant" if *row.is_api_error_message == Some(true) => Kind::Failure,
            "assistant" => {
                let answer = self.name_of(message.id.0, row.request_ref.as_ref(), uuid);
                let rows = self.answers.entry(answer.clone()).or_default();
                if !self.by_uuid.contains_key(uuid) {
                    rows.push(at);
                }
                self.asked_by.extend(row.request_ref.0.map(|request| (at, request)));
                let calls = tool_ids(message.content, "tool_use", |block| block.id.0);
                Kind::AssistantMessage { answer, calls }
            }
            "system" => match row.subtype.as_deref() {
                Some("compact_boundary") => {
                    self.boundaries.push(at);
                    Kind::Boundary(Box::new(boundary(row)))
                }
                Some("local_command") => Kind::Beside,
                _ => Kind::Step,
            },
            "attachment" => {
                let attachment = row.attachment.unwrap_or_default();
                self.commits.extend(newest_commit(&attachment).map(|commit| (at, commit)));
                match attachment.kind.as_deref() {
                    Some("queued_command") => Kind::Beside,
                    _ => Kind::Step,
                }
            }
            _ => Kind::Step,
        }
    }
}

impl Index {
    /// The name of the answer that a row belongs to. Some providers give no message id, or a constant one.
    fn name_of(&mut self, id: Option<String>, request: Option<&String>, uuid: &str) -> String {
        if let Some(request) = request {
            return request.clone();
        }
        if let Some(id) = id.as_ref().filter(|id| is_trusted(id)) {
            return id.clone();
        }
        let going_on = self.unnamed.take().filter(|(known, _)| *known == id);
        let name = going_on.map_or_else(|| uuid.to_owned(), |(_, name)| name);
        self.unnamed = Some((id, name.clone()));
        name
    }
}

/// The ids of the tools in a message's blocks of one kind.
fn tool_ids(
    content: Option<&RawValue>,
    kind: &str,
    id: fn(rows::Block<'_>) -> Option<String>,
) -> Vec<String> {
    let blocks = content.and_then(items).unwrap_or_default().into_iter();
    let blocks =
        blocks.filter_map(|block| serde_json::from_str::<rows::Block<'_>>(block.get()).ok());
    blocks.filter(|block| block.kind.as_deref() == Some(kind)).filter_map(id).collect()
}

/// The newest commit in the output of `git log` that a process sends the model first.
fn newest_commit(attachment: &Attachment<'_>) -> Option<String> {
    let status = attachment.context.as_ref()?.git_status.as_ref()?;
    let (_, log) = status.split_once("\nRecent commits:\n")?;
    let hash = log.split_whitespace().next()?;
    let is_hash = hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| hash.to_owned())
}

fn boundary(row: WireRow<'_>) -> Boundary {
    let metadata = row.compact_metadata.unwrap_or_default();
    let listed = metadata.preserved_messages.unwrap_or_default();
    let segment = metadata.preserved_segment.unwrap_or_default();
    Boundary {
        after: row.logical_parent_uuid.0,
        kept: listed.uuids.0.unwrap_or_default(),
        ends: segment.head_uuid.0.zip(segment.tail_uuid.0),
        anchor: listed.anchor_uuid.0.or(segment.anchor_uuid.0),
    }
}
