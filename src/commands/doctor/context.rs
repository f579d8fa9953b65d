//! Inputs of all checks.

use std::path::PathBuf;

use super::DoctorArgs;
use crate::commands::delivery_context::DeliveryContext;
use crate::config::Config;

pub(super) struct DoctorContext<'a> {
    pub args: &'a DoctorArgs,
    pub delivery: DeliveryContext,
    /// Start directory of the sessions.
    pub start: PathBuf,
    pub config: Config,
    /// The transcripts with the latest activity, the newest first.
    pub newest: Vec<PathBuf>,
}
