//! Claude Code sessions, sent to Langfuse. The rooms stand in the order in which data flows: see `docs/ARCHITECTURE.md`.

#![forbid(unsafe_code)]

mod ordered;
mod regular_file;
mod sha256;

pub mod config;
pub mod transcript;

pub mod conversation;

pub mod repository;

pub mod session;

pub mod trace;

pub mod score;

pub mod mask;

pub mod langfuse;

pub mod state;

pub mod delivery;

pub mod registration;

pub mod log_file;

pub mod hook;

pub mod commands;
