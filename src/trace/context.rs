//! What stands on every span of a trace: Langfuse v4 inherits nothing, and takes a trace's tags from its newest span.
//! So it is what was known at the opening row, and it is kept in the cursor while the trace can still grow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transcript::session::Opening;

use super::agreement::Agreement;
use super::ids::{SpanId, TraceId};
use super::metadata::{MetadataKey, SCHEMA_VERSION};
use crate::config::{Config, Experiment, ParentSpan};

/// The trace's name; of low cardinality, so that it can be filtered by.
const TURN: &str = "Claude Code turn";

/// The name of the trace of a compaction that a person asked for.
const COMPACTION: &str = "Claude Code compaction";

/// The name of the trace of an agent that Claude Code started for itself.
const WARMUP: &str = "Claude Code warmup";

/// The name of the trace of an agent that nothing links to a turn.
const LOST_AGENT: &str = "Claude Code agent";

/// Where the session's work is kept, as its git remote says: host, owner and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Repository(pub String);

/// What is the same for all turns of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Claude Code's session id.
    pub session_id: String,
    /// Name of the directory in which the session was started.
    pub project: Option<String>,
    /// Where its work is kept.
    pub repository: Option<Repository>,
    /// The session it was forked from.
    pub parent_session: Option<String>,
}

/// What the configuration adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `LANGFUSE_USER_ID`.
    pub user_id: Option<String>,
    /// `LANGFUSE_TRACING_ENVIRONMENT`.
    pub environment: Option<String>,
    /// `LANGFUSE_RELEASE`.
    pub release: Option<String>,
    /// `CC_LANGFUSE_TRACE_TAGS`.
    pub tags: Vec<String>,
    /// `CC_LANGFUSE_METADATA`.
    pub metadata: Vec<(String, String)>,
    /// `CC_LANGFUSE_TRACE_SEED`.
    pub trace_seed: Option<String>,
    /// `CC_LANGFUSE_TRACEPARENT`.
    pub parent: Option<ParentSpan>,
    /// `CC_LANGFUSE_EXPERIMENT_…`.
    pub experiment: Option<Experiment>,
}

impl Attributes {
    /// Something of it belongs to this run of Claude Code alone: whoever sends the session later may not know it.
    pub fn are_of_the_run(&self) -> bool {
        self.trace_seed.is_some() || self.parent.is_some() || self.experiment.is_some()
    }
}

impl From<&Config> for Attributes {
    fn from(config: &Config) -> Self {
        Self {
            user_id: config.user_id.clone(),
            environment: config.environment.clone(),
            release: config.release.clone(),
            tags: config.tags.clone(),
            metadata: config.metadata.clone(),
            trace_seed: config.trace_seed.clone(),
            parent: config.parent.clone(),
            experiment: config.experiment.clone(),
        }
    }
}

/// What stands on every span of one trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The trace.
    pub trace_id: TraceId,
    /// The trace's name.
    pub name: String,
    /// The session.
    pub session_id: String,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Claude Code's release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The release of whatever the person works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Langfuse's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Metadata of the trace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Attached mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentSpan>,
    /// The experiment, and the observation that tries its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Trial>,
    /// What was agreed about its content; unknown where state of schema 2 is all that knows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreement>,
}

/// An item of an experiment as it is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The experiment and its item.
    pub of: Experiment,
    /// The observation that Langfuse shows for the item: the turn, or in attached mode the span that it hangs under.
    pub root: SpanId,
}

impl Context {
    /// What is known of a turn at its opening row. `number` is 1-based over the session's own turns.
    pub fn of_turn(
        opening: &Opening,
        number: u64,
        facts: &SessionFacts,
        attributes: &Attributes,
    ) -> Self {
        let own = |seed: &String| TraceId::of_seed(&format!("{seed}:{number}"));
        let trace_id = match &attributes.parent {
            Some(parent) => TraceId::given(parent.trace_id.clone()),
            None => {
                attributes.trace_seed.as_ref().map_or_else(|| TraceId::of_seed(&opening.uuid), own)
            }
        };
        Self {
            trace_id,
            name: TURN.to_owned(),
            session_id: facts.session_id.clone(),
            user_id: attributes.user_id.clone(),
            tags: tags(opening, facts, attributes),
            version: opening.header.version.clone(),
            release: attributes.release.clone(),
            environment: attributes.environment.clone(),
            metadata: metadata(opening, number, facts, attributes),
            parent: attributes.parent.clone(),
            experiment: attributes.experiment.clone().map(|of| Trial {
                of,
                root: attributes.parent.as_ref().map_or_else(
                    || SpanId::turn(&opening.uuid),
                    |parent| SpanId::given(parent.span_id.clone()),
                ),
            }),
            agreed: None,
        }
    }

    /// What is known of a compaction that a person asked for between two turns.
    pub fn of_compaction(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        Self::beside_turns(COMPACTION, opening, facts, attributes)
    }

    /// What is known of an agent that Claude Code started for itself.
    pub fn of_warmup(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        let mut context = Self::beside_turns(WARMUP, opening, facts, attributes);
        context.set(MetadataKey::Warmup, "true");
        context
    }

    /// What is known of an agent that nothing links to a turn.
    pub fn of_lost_agent(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        let mut context = Self::beside_turns(LOST_AGENT, opening, facts, attributes);
        context.set(MetadataKey::UnlinkedAgent, "true");
        context
    }

    fn beside_turns(
        name: &str,
        opening: &Opening,
        facts: &SessionFacts,
        attributes: &Attributes,
    ) -> Self {
        let mut context = Self::of_turn(opening, 0, facts, attributes);
        if attributes.parent.is_none() {
            context.trace_id = other_trace(&opening.uuid, attributes);
        }
        name.clone_into(&mut context.name);
        context.metadata.remove(MetadataKey::TurnNumber.name());
        // It tries no item.
        context.experiment = None;
        context
    }

    fn set(&mut self, key: MetadataKey, value: &str) {
        self.metadata.insert(key.name().to_owned(), value.to_owned());
    }

    /// The foreign span under which the root hangs.
    pub fn root_parent(&self) -> Option<SpanId> {
        self.parent.as_ref().map(|parent| SpanId::given(parent.span_id.clone()))
    }
}

/// The trace of something that is no turn of the session.
fn other_trace(uuid: &str, attributes: &Attributes) -> TraceId {
    match &attributes.trace_seed {
        Some(seed) => TraceId::of_seed(&format!("{seed}:{uuid}")),
        None => TraceId::of_seed(uuid),
    }
}

fn tags(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Vec<String> {
    let mut tags = vec!["claude-code".to_owned()];
    tags.extend(facts.project.iter().map(|project| format!("project:{project}")));
    tags.extend(
        opening
            .prompt
            .command
            .iter()
            .map(|command| format!("command:{}", command.trim_start_matches('/'))),
    );
    for tag in &attributes.tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

fn metadata(
    opening: &Opening,
    number: u64,
    facts: &SessionFacts,
    attributes: &Attributes,
) -> BTreeMap<String, String> {
    // The person's own first: a key of the contract keeps its meaning.
    let mut metadata = attributes.metadata.iter().cloned().collect::<BTreeMap<_, _>>();
    let header = &opening.header;
    let known = [
        (MetadataKey::SchemaVersion, Some(SCHEMA_VERSION.to_owned())),
        (MetadataKey::Project, facts.project.clone()),
        (MetadataKey::Repository, facts.repository.as_ref().map(|repository| repository.0.clone())),
        (MetadataKey::Branch, header.branch.clone()),
        (MetadataKey::Cwd, header.cwd.clone()),
        (MetadataKey::Entrypoint, header.entrypoint.clone()),
        (MetadataKey::PermissionMode, opening.prompt.permission_mode.clone()),
        (MetadataKey::PromptId, header.prompt_id.clone()),
        (MetadataKey::PromptSource, opening.prompt.source.clone()),
        (MetadataKey::TurnOrigin, opening.prompt.origin.clone()),
        (MetadataKey::TurnNumber, Some(number.to_string())),
        (MetadataKey::ParentSession, facts.parent_session.clone()),
    ];
    for (key, value) in known {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            metadata.insert(key.name().to_owned(), value);
        }
    }
    metadata
}
