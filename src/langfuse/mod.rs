//! The wire: observations as OTLP/JSON, the HTTP client, the meaning of responses, and the API.

mod about;
mod api;
mod body;
mod client;
mod datasets;
mod deadline;
mod deletion;
mod json;
mod media;
mod metrics;
mod otlp;
mod prices;
mod proxy;
mod scores;
mod span;
mod stored_scores;
mod target;
mod tls;
mod transport_error;
mod verdict;

pub use about::{Health, Project, health, project};
pub use api::{Page, Query, Stored};
pub use body::Body;
pub use client::{Client, ClientOptions};
pub use datasets::{MAX_ITEM_BYTES, Put, without_controls};
pub use deadline::Deadline;
pub use deletion::MAX_TRACES_PER_DELETION;
pub use metrics::{MAX_SESSIONS_PER_QUERY, StoredCalls};
pub use otlp::{SCOPE, encode, export, export_overhead, without_content};
pub use prices::{PriceList, PricedCall, Prices};
pub use scores::{MAX_SCORES_PER_REQUEST, batch, correction_request, send_correction, send_scores};
pub use span::Span;
pub use stored_scores::{MAX_SCORE_IDS, ScoreFilter, ScorePage, StoredScore};
pub use tls::ca_file_problem;
pub use verdict::{Problem, Verdict};
