//! Finds secrets in a text: by their beginning, by the shape around them, by their name.
//!
//! Read by hand, in one pass that looks at two bytes at most places: 200 rules as regular expressions would cost a start
//! of milliseconds and more than a megabyte of program, in a hook that runs after every answer.
//!
//! [`find`] returns the secrets of a text, [`find_in_field`] the one of a field in an object, and [`mask()`] their replacement.

#![forbid(unsafe_code)]

mod alphabet;
mod assignments;
mod calls;
mod cells;
mod colour;
mod commands;
mod extent;
mod fields;
mod flags;
mod headers;
mod hit;
mod keys;
mod lines;
mod mask;
mod name;
mod names;
mod patterns;
mod placeholders;
mod random;
mod rules;
mod scan;
mod shapes;
mod stdin;
mod urls;
mod values;
mod vendors;
mod words;

pub use fields::{find_in_field, flag_name, is_secret_number};
pub use mask::mask;
pub use patterns::Patterns;
pub use scan::{Secret, find};
