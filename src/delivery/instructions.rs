//! Which instructions rows named before the place where reading begins.

use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use transcript::{Instructions, add_instructions};

use crate::state::KnownInstructions;

/// The instructions that rows before this offset name. `known`: what is kept of the rows before an earlier one, so that a hook
/// reads none of them again.
pub(super) fn named_before(
    offset: u64,
    known: Option<&KnownInstructions>,
    transcript: &Path,
) -> Result<Rc<Instructions>> {
    let known = known.filter(|known| known.until <= offset).cloned();
    let KnownInstructions { until, mut named } = known.unwrap_or_default();
    if until < offset {
        add_instructions(&mut named, transcript, until, offset)?;
    }
    Ok(Rc::new(named))
}
