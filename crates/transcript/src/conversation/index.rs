//! Where the rows of a file stand, and what ties them together.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::rows::Fields;
use crate::{Line, Lines};

/// Where a row stands in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub length: usize,
}

/// A row of the main lane.
#[derive(Debug)]
pub(super) struct Row {
    pub place: Place,
    pub parent: Option<String>,
    pub kind: Kind,
}

/// What a row is to the conversation.
#[derive(Debug)]
pub(super) enum Kind {
    /// A user's row, with the tool calls that it answers.
    User { results: Vec<String>, is_summary: bool },
    /// A row of an answer, with the tool calls that it makes.
    AssistantMessage { message_id: String, calls: Vec<String> },
    /// A failure that the CLI tells as if the model had said it. The model is never sent it.
    Failure,
    /// What joined the running turn, or what a local command said.
    Beside,
    /// The conversation was replaced by its summary.
    Boundary(Box<Boundary>),
    /// Nothing that is sent, but a step on the way from a row to the one before it.
    Step,
}

/// A compaction.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// The last row before it.
    pub after: Option<String>,
    /// The rows that stay as they are.
    pub kept: Vec<String>,
    /// The same by the first and the last of them, in releases that do not list them.
    pub ends: Option<(String, String)>,
    /// The row that they follow now.
    pub anchor: Option<String>,
}

/// A request as it was noted: the first messages of another one, and these.
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
    /// Messages that stand in rows of their own, by their hash.
    pub blobs: BTreeMap<String, Place>,
    /// 2.1.100 writes some rows twice.
    by_uuid: BTreeMap<String, Vec<usize>>,
    answers: BTreeMap<String, Vec<usize>>,
    /// The request that an answer's first row names.
    asked_by: BTreeMap<usize, String>,
    boundaries: Vec<usize>,
    /// The commits that the model was told of, with the row before which that was.
    commits: Vec<(usize, String)>,
}

impl Index {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path, 0)?;
        let mut index = Self::default();
        while let Some(line) = lines.next_line()? {
            index.add(&line);
        }
        Ok(index)
    }

    /// The rows of an answer.
    pub(super) fn answer(&self, message_id: &str) -> impl Iterator<Item = usize> {
        self.answers.get(message_id).into_iter().flatten().copied()
    }

    /// The request that an answer came of, where it was noted.
    pub(super) fn request_of(&self, row: usize) -> Option<String> {
        self.asked_by.get(&row).cloned()
    }

    /// The row of this id before another one: the last that was written.
    pub(super) fn row_before(&self, uuid: &str, before: usize) -> Option<usize> {
        let written = self.by_uuid.get(uuid)?;
        written.iter().rev().copied().find(|row| *row < before)
    }

    /// The compactions before a row, the last one first.
    pub(super) fn boundaries_before(&self, row: usize) -> impl Iterator<Item = (usize, &Boundary)> {
        let before = self.boundaries.iter().rev().filter(move |at| **at < row);
        before.filter_map(|at| match &self.rows.get(*at)?.kind {
            Kind::Boundary(boundary) => Some((*at, &**boundary)),
            _ => None,
        })
    }

    pub(super) fn commit_before(&self, row: usize) -> Option<&str> {
        let mut told = self.commits.iter().rev();
        let (_, commit) = told.find(|(at, _)| *at < row)?;
        Some(commit)
    }

    fn add(&mut self, line: &Line<'_>) {
        let place = Place { offset: line.offset, length: line.bytes.len() };
        let text = String::from_utf8_lossy(&line.bytes);
        let Some(row) = Fields::read(&text) else {
            return;
        };
        let kind = row.text("type");
        match (kind.as_deref(), row.text("uuid")) {
            (Some("api-request"), _) => self.add_request(&row),
            (Some("api-request-blob"), _) => {
                self.blobs.extend(row.text("hash").map(|hash| (hash, place)));
            }
            (Some(kind), Some(uuid)) if !row.is_set("isSidechain") => {
                let at = self.rows.len();
                let kind = self.kind(kind, &row, &uuid, at);
                self.by_uuid.entry(uuid).or_default().push(at);
                self.rows.push(Row { place, parent: row.text("parentUuid"), kind });
            }
            _ => {}
        }
    }

    fn add_request(&mut self, row: &Fields<'_>) {
        let request = Request {
            base: row.text("base"),
            keep: row.number("keep").unwrap_or_default(),
            tail: row.texts("tail"),
        };
        self.requests.extend(row.text("id").map(|id| (id, request)));
    }

    fn kind(&mut self, kind: &str, row: &Fields<'_>, uuid: &str, at: usize) -> Kind {
        let message = row.object("message");
        match kind {
            "user" => Kind::User {
                results: message.tools("tool_result", "tool_use_id"),
                is_summary: row.is_set("isCompactSummary"),
            },
            "assistant" if row.is_set("isApiErrorMessage") => Kind::Failure,
            "assistant" => {
                let message_id = message.text("id").unwrap_or_default();
                let rows = self.answers.entry(message_id.clone()).or_default();
                if !self.by_uuid.contains_key(uuid) {
                    rows.push(at);
                }
                let request = row.text("requestRef");
                self.asked_by.extend(request.map(|request| (at, request)));
                let calls = message.tools("tool_use", "id");
                Kind::AssistantMessage { message_id, calls }
            }
            "system" => match row.text("subtype").as_deref() {
                Some("compact_boundary") => {
                    self.boundaries.push(at);
                    Kind::Boundary(Box::new(boundary(row)))
                }
                Some("local_command") => Kind::Beside,
                _ => Kind::Step,
            },
            "attachment" => {
                let attachment = row.object("attachment");
                let commit = attachment.commit();
                self.commits.extend(commit.map(|commit| (at, commit)));
                match attachment.text("type").as_deref() {
                    Some("queued_command") => Kind::Beside,
                    _ => Kind::Step,
                }
            }
            _ => Kind::Step,
        }
    }
}

fn boundary(row: &Fields<'_>) -> Boundary {
    let metadata = row.object("compactMetadata");
    let (listed, segment) =
        (metadata.object("preservedMessages"), metadata.object("preservedSegment"));
    Boundary {
        after: row.text("logicalParentUuid"),
        kept: listed.texts("uuids"),
        ends: segment.text("headUuid").zip(segment.text("tailUuid")),
        anchor: listed.text("anchorUuid").or(segment.text("anchorUuid")),
    }
}
