//! Claude Code sessions, sent to Langfuse. The modules stand in the order in which data flows: see `docs/ARCHITECTURE.md`.

#![forbid(unsafe_code)]

pub mod user_file;

pub mod config;

pub mod trace;

pub mod score;

pub mod privacy;

pub mod langfuse;

pub mod state;

pub mod delivery;

pub mod usage;

pub mod claude_settings;

pub mod log_file;

pub mod hook;

pub mod commands;
