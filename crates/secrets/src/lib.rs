//! What is a secret in a text: by what it begins with, by the shape around it, by the name it stands under.
//!
//! Read by hand, in one pass that looks at two bytes at most places: 200 rules as regular expressions would cost a start
//! of milliseconds and more than a megabyte of program, in a hook that runs after every answer.
//!
//! [`find`] gives the secrets of a text, [`find_in_field`] that of a field in an object, and [`mask()`] what to write in their place.

#![forbid(unsafe_code)]

mod alphabet;
mod assignments;
mod extent;
mod fields;
mod flags;
mod headers;
mod hit;
mod keys;
mod mask;
mod name;
mod names;
mod patterns;
mod placeholders;
mod rules;
mod scan;
mod shapes;
mod urls;
mod values;
mod vendors;
mod words;

pub use fields::{find_in_field, flag_name, is_secret_number};
pub use mask::mask;
pub use patterns::Patterns;
pub use scan::{Secret, find};
