//! Requests to a server, and its failures, for all checks that need it.

use super::DoctorContext;
use crate::commands::exit_status::ExitStatus;
use crate::commands::output::CheckReport;
use crate::commands::remedy::remedy_in_doctor;
use crate::config::Destination;
use crate::langfuse::{Client, Problem, Verdict};

pub(super) fn client(
    context: &DoctorContext<'_>,
    destination: &Destination,
) -> Result<Client, String> {
    Client::to(destination, &context.config).map_err(|error| format!("{error:#}"))
}

/// Reports a failed request.
pub(super) fn report_failure(
    check: &'static str,
    reply: &Verdict,
    destination: &Destination,
    report: &mut CheckReport,
) -> ExitStatus {
    let (check, reason, problem) = match reply {
        Verdict::Acknowledged => return ExitStatus::Done,
        Verdict::Later { reason, .. } => (check, reason, None),
        Verdict::TooLarge { reason, .. } | Verdict::Refused { reason } => (check, reason, None),
        Verdict::Misconfigured { reason, problem: Problem::Certificate } => {
            ("tls", reason, Some(Problem::Certificate))
        }
        Verdict::Misconfigured { reason, problem } => (check, reason, Some(*problem)),
    };
    report.fail(check, reason, remedy_in_doctor(problem, destination));
    ExitStatus::of_problem(problem)
}
