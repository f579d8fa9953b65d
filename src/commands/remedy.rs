//! Remedies for failed requests: the same text in `status`, `doctor` and all commands that send.

use crate::commands::exit_status::ExitStatus;
use crate::config::Destination;
use crate::langfuse::{Problem, Verdict};

/// The remedy in all commands but `doctor`, which is the next step after refused keys.
pub(super) fn remedy(problem: Option<Problem>, destination: &Destination) -> String {
    let text = remedy_in_doctor(problem, destination);
    match problem {
        Some(Problem::Keys) => format!("{text}; 'claude-langfuse doctor' tests them"),
        _ => text,
    }
}

/// The remedy; `None` stands for a server that is unreachable or in trouble.
pub(super) fn remedy_in_doctor(problem: Option<Problem>, destination: &Destination) -> String {
    let base_url_source = &destination.base_url_source;
    match problem {
        None => "nothing is lost: the next hook and 'claude-langfuse flush' retry".to_owned(),
        Some(Problem::Keys) => format!("check the keys: {}", destination.key_sources()),
        Some(Problem::Account) => "check the plan and the limits of the Langfuse project; nothing is lost".to_owned(),
        Some(Problem::Url) => format!("check the address: {base_url_source}"),
        Some(Problem::NotLangfuse) => format!(
            "sign in to the network if it has a sign-in page, else check the address: {base_url_source}"
        ),
        Some(Problem::Certificate) => {
            "set LANGFUSE_CA_FILE to a PEM file with its certificate authority, or renew the certificate".to_owned()
        }
        Some(Problem::Proxy) => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY".to_owned(),
    }
}

/// The reason of a failed request, and its exit status.
pub(super) fn failure(reply: &Verdict, destination: &Destination) -> (String, ExitStatus) {
    match reply {
        Verdict::Misconfigured { reason, problem } => {
            let status = ExitStatus::of_problem(Some(*problem));
            let source = match status {
                ExitStatus::KeysRejected => destination.key_sources(),
                _ => destination.base_url_source.to_string(),
            };
            (format!("{reason} ({source})"), status)
        }
        Verdict::Refused { reason } | Verdict::TooLarge { reason, .. } => {
            (reason.clone(), ExitStatus::ContentRejected)
        }
        Verdict::Later { reason, .. } => (reason.clone(), ExitStatus::Unreachable),
        Verdict::Acknowledged => (String::new(), ExitStatus::Done),
    }
}
