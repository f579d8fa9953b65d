//! The prices of the destination: read here, and kept for `usage`.

use base::Timestamp;

use super::context::DoctorContext;
use crate::commands::output::report::CheckReport;
use crate::config::Destination;
use crate::langfuse::{Client, Deadline};
use crate::state::{Store, StoredPrices};

pub(super) fn check(
    context: &DoctorContext<'_>,
    destination: &Destination,
    client: &mut Client,
    report: &mut CheckReport,
) {
    const HELP: &str =
        "costs in 'claude-langfuse usage' are computed with older prices, or are missing";
    let list = match client.price_list(Deadline::after(context.config.timeout)) {
        Ok(list) => list,
        Err(verdict) => {
            let reason = verdict.reason().unwrap_or("the server gave no reason");
            return report.warn("prices", format!("prices were not read: {reason}"), HELP);
        }
    };
    let models = list.count();
    let prices = StoredPrices { at: Timestamp::now(), list };
    match Store::new(&context.config.state_dir).save_prices(&destination.id(), &prices) {
        Ok(()) => report.ok("prices", format!("prices of {models} models read for 'usage'")),
        Err(error) => report.warn("prices", format!("prices were not kept: {error:#}"), HELP),
    }
}
