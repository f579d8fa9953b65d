//! Dataset items: the conversation before a turn, its expected output, and its source.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base::regular_file;
use base::sha256::hex;
use serde_json::{Map, Value, json};
use transcript::conversation::{Conversation, Message, Role};
use transcript::session::Calls;

use super::rerun::Reruns;
use crate::commands::delivery_context::SessionTarget;
use crate::commands::export::{ExportFormat, messages};
use crate::commands::turn_roots::{TurnRoot, sent_context};
use crate::config::Config;
use crate::langfuse::{MAX_ITEM_BYTES, without_controls};
use crate::privacy::Policy;
use crate::trace::{SpanId, SpanIds};

/// A turn that a model answered, with the number that `show` prints.
pub(super) struct DatasetTurn {
    pub number: u64,
    pub uuid: String,
    pub calls: Calls,
}

/// Builds the items of one session.
pub(super) struct DatasetItemBuilder<'a> {
    dataset: &'a str,
    session: &'a SessionTarget,
    config: &'a Config,
    policy: Policy,
    conversation: Conversation,
    roots: BTreeMap<u64, TurnRoot>,
    reruns: Reruns,
    /// Replaces the answer as expected output.
    expected: Option<Value>,
}

/// An item, and its source trace.
pub(super) struct DatasetItem {
    pub body: Value,
    pub trace: String,
}

impl<'a> DatasetItemBuilder<'a> {
    pub(super) fn new(
        dataset: &'a str,
        session: &'a SessionTarget,
        config: &'a Config,
        roots: Vec<TurnRoot>,
        expected: Option<&Path>,
    ) -> Result<Self> {
        let policy = Policy::from(config);
        Ok(Self {
            dataset,
            session,
            config,
            conversation: Conversation::open(&session.transcript)?,
            reruns: Reruns::read(session)?,
            roots: roots.into_iter().map(|root| (root.turn, root)).collect(),
            expected: expected.map(|path| read_expected(path, &policy)).transpose()?,
            policy,
        })
    }

    /// Builds the item of a turn.
    pub(super) fn build(&mut self, turn: &DatasetTurn) -> Result<DatasetItem> {
        let calls = &turn.calls;
        let root = self.roots.get(&turn.number);
        let span = match root {
            Some(root) => SpanId::given(root.span.clone()),
            None => SpanIds::of_turn(&turn.uuid).turn(&turn.uuid),
        };
        let sent = sent_context(self.session, self.config, span.as_str());
        let trace = sent.map(|context| context.trace_id.as_str().to_owned());
        let Some(trace) = trace.or_else(|| root.map(|root| root.trace.clone())) else {
            bail!("could not add turn {}: the turn is still open", turn.number);
        };
        let metadata = self.metadata(&turn.uuid, root, calls);
        let expected = match &self.expected {
            Some(expected) => expected.clone(),
            None => self.answer(calls)?,
        };
        let input = self.conversation.before(&calls.first)?;
        let mut body = json!({
            "id": item_id(self.dataset, &turn.uuid),
            "datasetName": self.dataset,
            "input": self.format(input),
            "expectedOutput": expected,
            "metadata": metadata,
            "sourceTraceId": trace,
            "sourceObservationId": span.as_str(),
        });
        without_controls(&mut body);
        Ok(DatasetItem { body, trace })
    }

    fn format(&self, messages: Vec<Message>) -> Vec<Value> {
        let masked = messages::mask(messages, false, &self.policy);
        messages::format(&masked, ExportFormat::Messages)
    }

    fn answer(&self, calls: &Calls) -> Result<Value> {
        let answer = self.conversation.answer(&calls.last)?;
        let message = self.format(answer.into_iter().collect()).pop();
        Ok(message.unwrap_or_default())
    }

    fn metadata(&self, uuid: &str, root: Option<&TurnRoot>, calls: &Calls) -> Value {
        let mut metadata = Map::new();
        let of_turn = root.into_iter().flat_map(|root| &root.metadata);
        for (name, value) in of_turn {
            metadata.insert(name.clone(), value.as_str().into());
        }
        metadata.insert("session".to_owned(), self.session.id.as_str().into());
        let mut model = calls.model.clone();
        self.policy.apply_to_name(&mut model);
        metadata.insert("model".to_owned(), model.into());
        if let Some(commit) = self.conversation.commit_before(&calls.first) {
            metadata.insert("commit".to_owned(), commit.into());
        }
        let rerun = self.reruns.of_turn(uuid, calls, &self.conversation, &self.policy);
        metadata.extend(rerun.map(|rerun| ("rerun".to_owned(), rerun)));
        metadata.into()
    }
}

/// Depends on the dataset: item ids are unique in a project.
fn item_id(dataset: &str, turn: &str) -> String {
    hex(format!("dataset-item:{dataset}:{turn}").as_bytes(), 16)
}

/// JSON as it is, or a text as an assistant message.
fn read_expected(path: &Path, policy: &Policy) -> Result<Value> {
    let text = regular_file::read_text(path, MAX_ITEM_BYTES as u64)
        .with_context(|| format!("could not read the expected output: {}", path.display()))?;
    let mut expected = serde_json::from_str(&text)
        .unwrap_or_else(|_| json!({"role": Role::Assistant.name(), "content": text.trim_end()}));
    policy.apply_to_messages(&mut expected);
    Ok(expected)
}
