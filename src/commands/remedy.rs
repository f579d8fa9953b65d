//! What to do about a server that does not take what is sent: one text for `status`, `doctor` and all that deliver.

use crate::commands::Outcome;
use crate::config::Destination;
use crate::langfuse::{Problem, Reply};

/// The remedy; `None` stands for a server that was not reached or is in trouble.
pub(super) fn remedy(problem: Option<Problem>, destination: &Destination) -> String {
    let Destination {
        keys_source,
        base_url_source,
        ..
    } = destination;
    match problem {
        None => "nothing is lost: the next hook tries again, and so does 'claude-langfuse flush'".to_owned(),
        Some(Problem::Keys) => format!("check the keys: {keys_source}; 'claude-langfuse doctor' tries them"),
        Some(Problem::Account) => "check the plan and the limits of the Langfuse project; nothing is lost meanwhile".to_owned(),
        Some(Problem::Url) => format!("check the address: {base_url_source}"),
        Some(Problem::NotLangfuse) => format!(
            "sign in to the network if it has a sign-in page, else check the address: {base_url_source}"
        ),
        Some(Problem::Certificate) => {
            "name a PEM file with the authority that signed it in LANGFUSE_CA_FILE, or have the certificate renewed".to_owned()
        }
        Some(Problem::Proxy) => "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY".to_owned(),
    }
}

/// Why a server did not do what it was asked, and how that counts.
pub(super) fn meaning(reply: &Reply, destination: &Destination) -> (String, Outcome) {
    match reply {
        Reply::Misconfigured { reason, problem } => {
            let outcome = Outcome::of(Some(*problem));
            let source = match outcome {
                Outcome::KeysRefused => &destination.keys_source,
                _ => &destination.base_url_source,
            };
            (format!("{reason} ({source})"), outcome)
        }
        Reply::Refused { reason } | Reply::TooLarge { reason } => {
            (reason.clone(), Outcome::ContentRefused)
        }
        Reply::Later { reason, .. } => (reason.clone(), Outcome::Unreachable),
        Reply::Acknowledged => (String::new(), Outcome::Done),
    }
}
