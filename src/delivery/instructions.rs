//! The instructions that rows name before the offset where reading begins.

use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use transcript::{Instructions, add_instructions};

use crate::state::KnownInstructions;

/// Returns the instructions named before `offset`. `known` holds those named before an earlier offset, so that a hook
/// reads no row twice.
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
