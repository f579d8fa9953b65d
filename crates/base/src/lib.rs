//! What the other crates share: points in time, files from outside, and the hash of ids.

#![forbid(unsafe_code)]

pub mod regular_file;
pub mod sha256;
mod timestamp;

pub use timestamp::Timestamp;
