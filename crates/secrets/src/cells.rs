//! Secrets in the cell after their name's: `| password | SECRET |`, `password<TAB>SECRET`. Tables have names of
//! things and words too, so that only generated values count.

use super::alphabet::{before, begins_word};
use super::extent::Extent;
use super::hit::Hit;
use super::name::name_before;
use super::names::{Noun, noun_of};
use super::placeholders::is_placeholder;
use super::values::looks_generated;

/// The secret in the cell that begins at the `|` at `at`.
pub(super) fn at_bar(text: &str, at: usize) -> Option<Hit> {
    let name = name_before(text, at)?;
    let noun = noun_of(name.text)?;
    let head = text.get(..name.start)?.trim_end_matches([' ', '`', '*', '"']);
    head.ends_with('|').then_some(())?;
    let row = text.get(at + 1..)?;
    let length = row.bytes().take(400).position(|byte| matches!(byte, b'|' | b'\n'))?;
    cell(text, Extent { start: at + 1, end: at + 1 + length }, noun)
}

/// The secret after a tab. `at` is at the name.
pub(super) fn at_tab(text: &str, at: usize) -> Option<Hit> {
    let bytes = text.as_bytes();
    let tab = at + text.get(at..)?.find('\t')?;
    // The name may be longer: `DB_PASSWORD`.
    let name = name_before(text, tab).filter(|_| begins_word(bytes, at))?;
    let noun = noun_of(name.text)?;
    let row = text.get(tab + 1..)?;
    let blanks = row.len() - row.trim_start_matches(['\t', ' ']).len();
    let rest = row.get(blanks..)?;
    let length = rest.bytes().take(400).position(|byte| matches!(byte, b'\t' | b'\n' | b'\r'));
    let start = tab + 1 + blanks;
    let is_first = matches!(before(bytes, name.start), 0 | b'\n' | b'\t' | b' ' | b'+' | b'"');
    let end = start + length.unwrap_or(rest.len().min(400));
    is_first.then(|| cell(text, Extent { start, end }, noun))?
}

fn cell(text: &str, cell: Extent, noun: Noun) -> Option<Hit> {
    let whole = text.get(cell.start..cell.end)?;
    let secret = whole.trim_matches([' ', '`', '*', '"', '\'', '\\']);
    let start = cell.start + whole.find(secret)?;
    (looks_generated(secret) && !secret.contains([' ', '(', '<']) && !is_placeholder(secret))
        .then(|| Hit::by_context(start, start + secret.len(), noun.kind()))
}
