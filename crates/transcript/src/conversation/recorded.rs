//! Requests with a row (2.1.330 and later), which holds the hashes of their messages. A message has a row of its own,
//! or is merged from rows of one role. A message found by its hash is exactly the sent one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Conversation;
use super::canonical::Blocks;
use super::index::{Index, Kind, Place};
use super::message::{self, Message};
use super::rows::Fields;

/// The place of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// A row of its own.
    Own(Place),
    /// Rows of one role, from the first to the last.
    Rows(usize, usize),
}

impl Conversation {
    /// The messages of a request; `None` unless all of them are in the file.
    pub(super) fn recorded(&mut self, request: &str) -> Result<Option<Vec<Message>>> {
        let Some(hashes) = self.index.messages_of(request) else {
            return Ok(None);
        };
        let known = match self.known.take() {
            Some(known) => known,
            None => self.find()?,
        };
        let sources: Option<Vec<Source>> =
            hashes.iter().map(|hash| known.get(*hash).copied()).collect();
        self.known = Some(known);
        let Some(sources) = sources else {
            return Ok(None);
        };
        let mut messages = Vec::new();
        for source in sources {
            // A copy of the file lacks the message's row. The messages are then built from the rows.
            match self.message(source)? {
                Some(message) => messages.push(message),
                None => return Ok(None),
            }
        }
        Ok(Some(messages))
    }

    fn message(&self, source: Source) -> Result<Option<Message>> {
        match source {
            Source::Own(place) => {
                let text = self.text(place)?;
                let row = Fields::read(&text);
                Ok(row.and_then(|row| message::of(&row.object("message"))))
            }
            Source::Rows(first, last) => {
                let is_message = |row: &usize| self.index.is_message(*row);
                let rows: Vec<usize> = (first..=last).filter(is_message).collect();
                Ok(self.merged(&rows)?.pop())
            }
        }
    }

    /// Finds all messages that some request names, grouped as Claude Code groups them: all user rows without an
    /// answer between them, or all rows of one answer.
    fn find(&self) -> Result<BTreeMap<String, Source>> {
        let index = &self.index;
        let requests = index.requests.values();
        let hashes = requests.flat_map(|request| request.tail.iter().map(String::as_str));
        let wanted = hashes.collect::<BTreeSet<_>>();
        let own = index.blobs.iter();
        let mut known = own
            .map(|(hash, place)| (hash.clone(), Source::Own(*place)))
            .collect::<BTreeMap<_, _>>();
        let mut run: Option<(usize, Option<String>, Blocks)> = None;
        for (at, row) in index.rows.iter().enumerate() {
            if matches!(row.kind, Kind::Boundary(_)) {
                run = None;
            }
            if !index.is_message(at) {
                continue;
            }
            let text = self.text(row.place)?;
            let message = Fields::read(&text).map(|row| row.object("message"));
            let message = message.unwrap_or_default();
            let message_id = message.text("id");
            let is_user = matches!(row.kind, Kind::User { .. });
            let goes_on = run.as_ref().is_some_and(|(first, id, _)| {
                let was_user =
                    matches!(index.rows.get(*first).map(|row| &row.kind), Some(Kind::User { .. }));
                is_user == was_user && (is_user || id.is_some() && *id == message_id)
            });
            if !goes_on {
                run = Some((at, message_id, Blocks::default()));
            }
            let blocks = run.as_mut().zip(message.raw("content"));
            let Some(((first, _, blocks), content)) = blocks else {
                run = None;
                continue;
            };
            if blocks.add(content).is_none() {
                run = None;
                continue;
            }
            let hash = blocks.hash(if is_user { "user" } else { "assistant" });
            if wanted.contains(&*hash) {
                let source = Source::Rows(*first, at);
                known.entry(hash).or_insert(source);
            }
        }
        Ok(known)
    }
}

impl Index {
    fn is_message(&self, row: usize) -> bool {
        let kind = self.rows.get(row).map(|row| &row.kind);
        matches!(kind, Some(Kind::User { .. } | Kind::AssistantMessage { .. } | Kind::Failure))
    }

    /// The hashes of a request's messages; `None` if a request that it is based on is gone.
    fn messages_of(&self, request: &str) -> Option<Vec<&str>> {
        let mut parts: Vec<&[String]> = Vec::new();
        let (mut id, mut upto) = (request, usize::MAX);
        // At most one step per request: a cycle would not end.
        for _ in 0..self.requests.len() {
            let request = self.requests.get(id)?;
            let own = upto.saturating_sub(request.keep).min(request.tail.len());
            parts.push(request.tail.get(..own)?);
            upto = upto.min(request.keep);
            if upto == 0 {
                let hashes = parts.into_iter().rev().flatten();
                return Some(hashes.map(String::as_str).collect());
            }
            id = request.base.as_deref()?;
        }
        None
    }
}
