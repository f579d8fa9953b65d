//! Attributes of every span of a trace: Langfuse v4 inherits nothing, and takes a trace's tags from its newest span.
//! They are those of the opening row, and the cursor keeps them while the trace can still grow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transcript::session::Opening;

use super::metadata::SCHEMA_VERSION;
use super::{Agreement, MetadataKey, PromptLinks, SpanId, SpanIds, TraceId};
use crate::config::{Config, Experiment, ParentSpan};

/// The default name of a trace. Turns, compactions and agents share it, so that dashboards can group cost by it.
const TRACE_NAME: &str = "Claude Code: {project}";

/// The name without a project.
const WITHOUT_PROJECT: &str = "Claude Code";

/// From 1,000 characters on, a name loses the trace in the tables of Langfuse 3.
const MAX_NAME_CHARS: usize = 200;

/// Tags have low cardinality: a longer or unusual name of a skill becomes none.
const MAX_SKILL_CHARS: usize = 64;

/// Host, owner and name of the git remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Repository(pub String);

/// Facts that all turns of a session share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    pub session_id: String,
    /// The name of the repository or of the start directory.
    pub project: Option<String>,
    pub repository: Option<Repository>,
    /// Set on a fork.
    pub parent_session: Option<String>,
}

/// Attributes from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `LANGFUSE_USER_ID`.
    pub user_id: Option<String>,
    /// `LANGFUSE_TRACING_ENVIRONMENT`.
    pub environment: Option<String>,
    /// `LANGFUSE_RELEASE`.
    pub release: Option<String>,
    /// `CC_LANGFUSE_TRACE_NAME`.
    pub trace_name: Option<String>,
    /// `CC_LANGFUSE_PROJECT`.
    pub project: Option<String>,
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
    /// A value belongs to this run of Claude Code alone, so that a later sender may lack it.
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
            trace_name: config.trace_name.clone(),
            project: config.project.clone(),
            tags: config.tags.clone(),
            metadata: config.metadata.clone(),
            trace_seed: config.trace_seed.clone(),
            parent: config.parent.clone(),
            experiment: config.experiment.clone(),
        }
    }
}

/// Attributes of every span of one trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    pub trace_id: TraceId,
    pub name: String,
    pub session_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Claude Code's release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Release of the user's own project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The user's own keys and those of [`MetadataKey`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Set in attached mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentSpan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Trial>,
    /// The offset of the row with the session's title. State keeps the offset, not the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_row: Option<u64>,
    /// The session's title.
    #[serde(skip)]
    pub title: Option<String>,
    /// Unknown for a trace of schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreement>,
    /// Set on model calls only.
    #[serde(default, skip_serializing_if = "PromptLinks::is_empty")]
    pub prompts: PromptLinks,
}

/// A run of an experiment's item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    pub of: Experiment,
    /// The observation that Langfuse shows for the item: the turn, or in attached mode its parent span.
    pub root: SpanId,
}

impl Context {
    /// A turn, from its opening row. `number` is 1-based and counts the session's own turns.
    pub fn of_turn(
        opening: &Opening,
        number: u64,
        facts: &SessionFacts,
        attributes: &Attributes,
    ) -> Self {
        let trace_id = trace_id(&number.to_string(), opening, attributes);
        let root = match &attributes.parent {
            Some(parent) => SpanId::given(parent.span_id.clone()),
            None => SpanIds::of(&trace_id, &opening.uuid).turn(&opening.uuid),
        };
        Self {
            trace_id,
            name: trace_name(facts, attributes),
            session_id: facts.session_id.clone(),
            user_id: attributes.user_id.clone(),
            tags: tags(opening, facts, attributes),
            version: opening.header.version.clone(),
            release: attributes.release.clone(),
            environment: attributes.environment.clone(),
            metadata: metadata(opening, number, facts, attributes),
            parent: attributes.parent.clone(),
            experiment: attributes.experiment.clone().map(|of| Trial { of, root }),
            title_row: None,
            title: None,
            agreed: None,
            prompts: PromptLinks::default(),
        }
    }

    /// A turn whose opening row is not in the file: it has no number.
    pub fn of_continued_turn(
        opening: &Opening,
        facts: &SessionFacts,
        attributes: &Attributes,
    ) -> Self {
        Self::beside_turns(opening, facts, attributes)
    }

    /// A compaction that the user asked for between two turns.
    pub fn of_compaction(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        Self::beside_turns(opening, facts, attributes)
    }

    /// An agent that Claude Code started for itself.
    pub fn of_warmup(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        let mut context = Self::beside_turns(opening, facts, attributes);
        context.set(MetadataKey::Warmup, "true");
        context
    }

    /// An agent that nothing links to a turn.
    pub fn of_lost_agent(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        let mut context = Self::beside_turns(opening, facts, attributes);
        context.set(MetadataKey::UnlinkedAgent, "true");
        context
    }

    fn beside_turns(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Self {
        let mut context = Self::of_turn(opening, 0, facts, attributes);
        context.trace_id = trace_id(&opening.uuid, opening, attributes);
        context.metadata.remove(MetadataKey::TurnNumber.name());
        context.experiment = None;
        context
    }

    fn set(&mut self, key: MetadataKey, value: &str) {
        self.metadata.insert(key.name().to_owned(), value.to_owned());
    }

    /// The parent of the root in attached mode.
    pub fn root_parent(&self) -> Option<SpanId> {
        self.parent.as_ref().map(|parent| SpanId::given(parent.span_id.clone()))
    }
}

/// `key`: of the trace among those of its seed.
fn trace_id(key: &str, opening: &Opening, attributes: &Attributes) -> TraceId {
    match (&attributes.parent, &attributes.trace_seed) {
        (Some(parent), _) => TraceId::given(parent.trace_id.clone()),
        (None, Some(seed)) => TraceId::of_seed(&format!("{seed}:{key}")),
        (None, None) => TraceId::of_seed(&opening.uuid),
    }
}

fn project<'a>(facts: &'a SessionFacts, attributes: &'a Attributes) -> Option<&'a String> {
    attributes.project.as_ref().or(facts.project.as_ref())
}

fn trace_name(facts: &SessionFacts, attributes: &Attributes) -> String {
    let template = attributes.trace_name.as_deref().unwrap_or(TRACE_NAME);
    let name = match project(facts, attributes) {
        Some(project) => template.replace("{project}", project),
        None if template.contains("{project}") => WITHOUT_PROJECT.to_owned(),
        None => template.to_owned(),
    };
    name.chars().take(MAX_NAME_CHARS).collect()
}

fn tags(opening: &Opening, facts: &SessionFacts, attributes: &Attributes) -> Vec<String> {
    let mut tags = vec!["claude-code".to_owned()];
    tags.extend(project(facts, attributes).map(|project| format!("project:{project}")));
    let command = opening.prompt.command.as_ref();
    tags.extend(command.map(|command| format!("command:{}", command.trim_start_matches('/'))));
    let skill = opening.prompt.skill.as_ref().filter(|skill| may_be_tag(skill));
    tags.extend(skill.map(|skill| format!("skill:{skill}")));
    for tag in &attributes.tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

fn may_be_tag(skill: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !skill.is_empty() && skill.len() <= MAX_SKILL_CHARS && skill.bytes().all(is_plain)
}

fn metadata(
    opening: &Opening,
    number: u64,
    facts: &SessionFacts,
    attributes: &Attributes,
) -> BTreeMap<String, String> {
    // The user's keys come first, so that a key of the contract keeps its meaning.
    let mut metadata = attributes.metadata.iter().cloned().collect::<BTreeMap<_, _>>();
    let header = &opening.header;
    let known = [
        (MetadataKey::SchemaVersion, Some(SCHEMA_VERSION.to_owned())),
        (MetadataKey::Project, project(facts, attributes).cloned()),
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
