//! Turns as observations, whose ids and times are functions of the transcript alone. Pure.

mod activity;
mod agent;
mod agent_facts;
mod agreement;
mod compaction;
mod content;
mod context;
mod fingerprint;
mod generation;
mod ids;
pub mod metadata;
mod model;
mod observation;
mod placeholder;
mod span_name;
mod status;
mod tool;
mod turn;
mod workflow;

pub use activity::Launch;
pub use agent::observe_agent;
pub use agent_facts::AgentFacts;
pub use agreement::Agreement;
pub use content::WithMedia;
pub use context::{Attributes, Context, Repository, SessionFacts, Trial};
pub use generation::usage_details;
pub use ids::{Digest, SpanId, SpanIds, TraceId, digest, hash, private_digest};
pub use metadata::MetadataKey;
pub use model::priceable;
pub use observation::{Content, Kind, Level, Observation, RequestContent, Role};
pub use placeholder::Placeholder;
pub use span_name::SpanName;
pub use status::Status;
pub use turn::{BeforeTurn, observe_turn};
pub use workflow::{WorkflowRun, observe_workflow};
