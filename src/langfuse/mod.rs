//! The wire: how observations are written for Langfuse, how they are sent, and what a reply means.

mod about;
mod api;
mod body;
mod client;
mod datasets;
mod deadline;
mod failure;
mod json;
mod otlp;
mod proxy;
mod reply;
mod scores;
mod span;
mod target;
mod tls;

pub use about::{Health, Project, health, project};
pub use api::{Page, Query, Stored};
pub use body::Body;
pub use client::{Client, ClientOptions};
pub use datasets::{LONGEST_ITEM, Put, without_controls};
pub use deadline::Deadline;
pub use otlp::{SCOPE, encode, export, export_overhead, without_content};
pub use reply::{Problem, Reply};
pub use scores::{MOST_SCORES, batch, send_scores};
pub use span::Span;
