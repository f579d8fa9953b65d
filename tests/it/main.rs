//! Tests of the whole program in one binary: modules in process where that is enough, otherwise the built program in a
//! temporary home.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: what cannot be must stop the test"
)]

mod missing;
mod sandbox;

mod agents;
mod agreed;
mod allow;
mod bad_input;
mod capture;
mod client;
mod config;
mod config_command;
mod config_set;
mod consent;
mod conversation;
mod corpus;
mod dataset;
mod doctor;
mod experiment;
mod experiments;
mod export;
mod faults;
mod flush;
mod forget;
mod forms;
mod fuzz;
mod guarantees;
mod headers;
mod help;
mod hook;
mod hostile_texts;
mod install;
mod instructions;
mod instructions_hash;
mod lineage;
mod listings;
mod mask;
mod media;
mod messages;
mod metadata;
mod migrating;
mod mock_langfuse;
mod nix_module;
mod opted_in;
mod outcomes;
mod output;
mod pause;
mod placed;
mod projects;
mod prompt_links;
mod property;
mod questions;
mod recorded_twice;
mod registration;
mod replay;
mod replay_all;
mod requests;
mod score;
mod scripts;
mod selection;
mod sessions;
mod setup;
mod show;
mod status;
mod status_line;
mod tidy;
mod titles;
mod trace_switch;
mod trust;
mod unreadable_config;
mod usage;
mod verify;
mod walkthrough;
mod which_file;
mod within_session;
