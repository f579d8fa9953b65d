//! Basics for all other crates: points in time, also in the local zone, files from outside, printable text, and the
//! hash of ids.

#![forbid(unsafe_code)]

mod local_time;
pub mod path_text;
mod printable;
pub mod regular_file;
pub mod sha256;
mod timestamp;

pub use printable::{is_printable, printable};
pub use timestamp::Timestamp;
