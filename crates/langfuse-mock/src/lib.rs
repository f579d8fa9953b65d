//! A Langfuse for tests, the demo, the checks and the benches: one server, in this process, that refuses, loses and replaces what Langfuse 4.16 does.
//!
//! It is the default deployment of Langfuse 4 (`events_only`): one table of events, a row a span, replaced whole by trace id,
//! span id and start in milliseconds. `tests/it/mock_langfuse.rs` proves it against what the server's own code did with 697
//! requests (`tests/fixtures/langfuse-verdicts.jsonl`). [`Reading::Old`] shows the rows as the older tables (`dual` and `legacy`
//! deployments) key them. Left out, because this project never meets them: what these tables drop of a span (124 further cases
//! recorded), protobuf, rate limits unless scripted, text counted into tokens for a model without usage, and the dialects of other
//! tracing libraries beyond the common ones.
//!
//! - [`MockLangfuse`]: the server with its sockets; [`Reply`] scripts what goes wrong.
//! - [`Events`]: the same without sockets, for property tests.
//! - [`Row`]: what is stored; [`render`] shows rows to people, [`snapshot()`] to snapshot tests.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: what cannot be must stop the test"
)]

mod api;
mod attributes;
mod columns;
mod connection;
mod datasets;
mod deletion;
mod http;
mod ingest;
mod input_output;
mod javascript;
mod kind;
mod media;
mod metadata;
mod metrics;
mod models;
mod observations;
mod older_tables;
mod pages;
mod price;
mod prompts;
mod refuse;
mod rows;
mod score_list;
mod scores;
mod script;
mod server;
mod serving;
mod snapshot;
mod times;
pub mod tls;
mod tools;
mod trace;
mod tree;
mod usage;
mod values;

pub use api::Answer;
pub use ingest::{Events, INGEST_PATH, Reading};
pub use media::Medium;
pub use rows::Row;
pub use scores::{ScoreRow, Scoring};
pub use script::Reply;
pub use server::{MockLangfuse, PUBLIC_KEY, Request, SECRET_KEY};
pub use snapshot::snapshot;
pub use tools::tool_calls_are_rendered;
pub use tree::{render, render_with};
