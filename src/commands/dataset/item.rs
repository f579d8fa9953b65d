//! A turn as an item of a dataset: what the model had before it, what is expected of it, and where it is from.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base::regular_file;
use base::sha256::hex;
use serde_json::{Map, Value, json};
use transcript::conversation::{Conversation, Message, Role};
use transcript::session::{Calls, TurnOutline};

use crate::commands::delivery_context::Session;
use crate::commands::export::args::Format;
use crate::commands::export::messages;
use crate::commands::turn_roots::{Root, context_as_sent};
use crate::config::Config;
use crate::langfuse::{LONGEST_ITEM, without_controls};
use crate::privacy::Policy;
use crate::trace::SpanId;

/// A turn of the session, as `show` counts them.
pub(super) struct Turn {
    pub number: u64,
    pub uuid: String,
    pub calls: Option<Calls>,
}

impl From<(u64, TurnOutline)> for Turn {
    fn from((number, turn): (u64, TurnOutline)) -> Self {
        Self {
            number,
            uuid: turn.uuid,
            calls: turn.calls,
        }
    }
}

/// Makes items of the turns of one session.
pub(super) struct Items<'a> {
    dataset: &'a str,
    session: &'a Session,
    config: &'a Config,
    policy: Policy,
    conversation: Conversation,
    roots: BTreeMap<String, Root>,
    /// What a person expects, instead of the answer.
    expected: Option<Value>,
}

/// An item, and the trace that it is from.
pub(super) struct Item {
    pub body: Value,
    pub trace: String,
}

impl<'a> Items<'a> {
    pub(super) fn new(
        dataset: &'a str,
        session: &'a Session,
        config: &'a Config,
        roots: Vec<Root>,
        expected: Option<&Path>,
    ) -> Result<Self> {
        let policy = Policy::from(config);
        Ok(Self {
            dataset,
            session,
            config,
            conversation: Conversation::open(&session.transcript)?,
            roots: roots
                .into_iter()
                .map(|root| (root.span.clone(), root))
                .collect(),
            expected: expected
                .map(|path| read_expected(path, &policy))
                .transpose()?,
            policy,
        })
    }

    /// The item of a turn that a model answered.
    pub(super) fn item(&mut self, turn: &Turn, calls: &Calls) -> Result<Item> {
        let span = SpanId::turn(&turn.uuid);
        let root = self.roots.get(span.as_str());
        let as_sent = context_as_sent(self.session, self.config, span.as_str());
        let trace = as_sent.map(|context| context.trace_id.as_str().to_owned());
        let Some(trace) = trace.or_else(|| root.map(|root| root.trace.clone())) else {
            bail!("could not add turn {}: it is not over yet", turn.number);
        };
        let metadata = self.metadata(root, calls);
        let expected = match &self.expected {
            Some(expected) => expected.clone(),
            None => self.answer(calls)?,
        };
        let input = self.conversation.before(&calls.first)?;
        let mut body = json!({
            "id": item_id(self.dataset, &turn.uuid),
            "datasetName": self.dataset,
            "input": self.shaped(input),
            "expectedOutput": expected,
            "metadata": metadata,
            "sourceTraceId": trace,
            "sourceObservationId": span.as_str(),
        });
        without_controls(&mut body);
        Ok(Item { body, trace })
    }

    fn shaped(&self, messages: Vec<Message>) -> Vec<Value> {
        let masked = messages::masked(messages, false, &self.policy);
        messages::shaped(&masked, Format::Messages)
    }

    fn answer(&self, calls: &Calls) -> Result<Value> {
        let answer = self.conversation.answer(&calls.last)?;
        let message = self.shaped(answer.into_iter().collect()).pop();
        Ok(message.unwrap_or_default())
    }

    fn metadata(&self, root: Option<&Root>, calls: &Calls) -> Value {
        let mut metadata = Map::new();
        let about = root.into_iter().flat_map(|root| &root.about);
        for (name, value) in about {
            metadata.insert(name.clone(), value.as_str().into());
        }
        metadata.insert("session".to_owned(), self.session.id.as_str().into());
        metadata.insert("model".to_owned(), calls.model.as_str().into());
        if let Some(commit) = self.conversation.commit_before(&calls.first) {
            metadata.insert("commit".to_owned(), commit.into());
        }
        metadata.into()
    }
}

/// The same for the same turn in the same dataset: an item can be in one dataset alone, so its name is part of it.
fn item_id(dataset: &str, turn: &str) -> String {
    hex(format!("dataset-item:{dataset}:{turn}").as_bytes(), 16)
}

/// JSON where it is some; a text stands for an answer. (A bare text that looks like JSON would be taken for that.)
fn read_expected(path: &Path, policy: &Policy) -> Result<Value> {
    let text = regular_file::read_text(path, LONGEST_ITEM as u64)
        .with_context(|| format!("could not read what is expected: {}", path.display()))?;
    let mut expected = serde_json::from_str(&text)
        .unwrap_or_else(|_| json!({"role": Role::Assistant.name(), "content": text.trim_end()}));
    policy.apply_to_messages(&mut expected);
    Ok(expected)
}
