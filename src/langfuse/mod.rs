//! The wire: how observations are written for Langfuse, how they are sent, and what a reply means.

mod body;
mod client;
mod deadline;
mod failure;
mod otlp;
mod proxy;
mod reply;
mod span;
mod target;
mod tls;

pub use body::Body;
pub use client::{Client, ClientOptions};
pub use deadline::Deadline;
pub use otlp::{encode, export, export_overhead, without_content};
pub use reply::{Problem, Reply};
pub use span::Span;
