//! Regions of Langfuse Cloud. Keys belong to one region and don't name it. If no host is set, rejected keys may be of another
//! region; they are tried there only with the user's consent.

use super::DoctorContext;
use super::server::client;
use crate::commands::exit_status::ExitStatus;
use crate::commands::output::{CheckReport, ask_yes, can_ask};
use crate::commands::regions::Region;
use crate::commands::remedy::remedy_in_doctor;
use crate::config::{Destination, Layer};
use crate::langfuse::{Deadline, Problem, project};

/// Reports rejected keys, with the region that accepts them.
pub(super) fn check(
    context: &DoctorContext<'_>,
    destination: &Destination,
    reason: &str,
    report: &mut CheckReport,
) -> ExitStatus {
    let help = remedy_in_doctor(Some(Problem::Keys), destination);
    let (problem, help) = if destination.base_url_source.layer != Layer::Default {
        let place = &destination.base_url;
        (reason.to_owned(), format!("{help}; create them in the project's settings at {place}"))
    } else if !may_try_regions(context) {
        let more = "the option --yes tries the other regions of Langfuse Cloud";
        (reason.to_owned(), format!("{help}; {more}"))
    } else if let Some(region) =
        other_regions().find(|region| accepts_keys(context, destination, region))
    {
        let place = &destination.keys_source;
        let help = format!("add \"LANGFUSE_BASE_URL\": \"{region}\" beside {place}");
        (format!("{reason}, but {region} accepts them"), help)
    } else {
        (format!("{reason}; every other region of Langfuse Cloud rejects them too"), help)
    };
    report.fail("keys", problem, help);
    ExitStatus::KeysRejected
}

/// Base URLs of the regions besides the default.
fn other_regions() -> impl Iterator<Item = &'static str> {
    Region::ALL.into_iter().skip(1).map(Region::url)
}

fn accepts_keys(context: &DoctorContext<'_>, destination: &Destination, region: &str) -> bool {
    let regional = Destination { base_url: region.to_owned(), ..destination.clone() };
    let Ok(mut client) = client(context, &regional) else {
        return false;
    };
    project(&mut client, Deadline::after(context.config.timeout)).is_ok()
}

/// Trying the keys sends them to servers that the user did not name.
fn may_try_regions(context: &DoctorContext<'_>) -> bool {
    if context.args.yes {
        return true;
    }
    if context.args.json || !can_ask() {
        return false;
    }
    let question = format!(
        "The default host rejects the keys. Try them at the other regions of Langfuse Cloud ({})?",
        other_regions().collect::<Vec<_>>().join(", ")
    );
    // The end of input is a no.
    ask_yes(&question, false).unwrap_or(false)
}
