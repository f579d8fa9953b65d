//! Fields of objects and lists of arguments, whose name alone marks a secret.

use super::assignments::in_field;
use super::names::{Noun, noun_of};
use super::rules::classified;
use super::scan::Secret;

/// The secret in the text of a field called `name`: the whole value, or the part after a header's scheme.
pub fn find_in_field(name: &str, value: &str) -> Option<Secret<'static>> {
    let hit = classified(value, in_field(name, value)?);
    Some(Secret { range: hit.start..hit.end, kind: hit.kind, quote: "" })
}

/// Whether a number is a secret in a field called `name`.
pub fn is_secret_number(name: &str) -> bool {
    noun_of(name) == Some(Noun::Password)
}

/// The name in `--name`, which names the next argument of a list; `None` for any other argument.
pub fn flag_name(argument: &str) -> Option<&str> {
    argument.strip_prefix("--").filter(|name| !name.contains(['=', ' ']))
}
