//! Keys belong to one region of Langfuse Cloud, and nothing on them says to which. Whoever never named a host may have keys
//! of another region than the default: they can be tried there, but only if the user wants that.

use std::io::{BufRead, IsTerminal, Write};

use super::{Patient, connection};
use crate::commands::Outcome;
use crate::commands::output::report::Report;
use crate::commands::remedy::remedy;
use crate::config::{Destination, Layer};
use crate::langfuse::{Deadline, Problem, project};

/// Langfuse Cloud besides the default.
const OTHERS: [&str; 3] = [
    "https://us.cloud.langfuse.com",
    "https://jp.cloud.langfuse.com",
    "https://hipaa.cloud.langfuse.com",
];

/// What to do about refused keys.
pub(super) fn look_elsewhere(
    patient: &Patient<'_>,
    destination: &Destination,
    reason: &str,
    report: &mut Report,
) -> Outcome {
    let usual = || remedy(Some(Problem::Keys), destination);
    if destination.base_url_source.layer != Layer::Default {
        report.fail(
            "keys",
            reason,
            format!(
                "{}; the keys must be made in the project's settings at {}",
                usual(),
                destination.base_url
            ),
        );
    } else if !may_try(patient) {
        report.fail("keys", reason, format!(
            "{}; if they are of another region of Langfuse Cloud, 'claude-langfuse doctor --yes' finds out which",
            usual()
        ));
    } else if let Some(region) = OTHERS
        .iter()
        .find(|region| takes_them(patient, destination, region))
    {
        report.fail(
            "keys",
            format!("{reason}, but {region} takes them"),
            format!(
                "add \"LANGFUSE_BASE_URL\": \"{region}\" beside {}",
                destination.keys_source
            ),
        );
    } else {
        report.fail(
            "keys",
            format!("{reason}, and so does every other region of Langfuse Cloud"),
            usual(),
        );
    }
    Outcome::KeysRefused
}

fn takes_them(patient: &Patient<'_>, destination: &Destination, region: &str) -> bool {
    let there = Destination {
        base_url: region.to_owned(),
        ..destination.clone()
    };
    let Ok(mut client) = connection::client(patient, &there) else {
        return false;
    };
    project(&mut client, Deadline::after(patient.config.timeout)).is_ok()
}

/// The keys are shown to servers that nobody named, so a person has to agree.
fn may_try(patient: &Patient<'_>) -> bool {
    if patient.arguments.yes {
        return true;
    }
    if patient.arguments.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal()
    {
        return false;
    }
    let asked = write!(
        std::io::stderr(),
        "The default host refuses the keys. Try them at the other regions of Langfuse Cloud ({})? [y/N] ",
        OTHERS.join(", ")
    );
    let mut answer = String::new();
    asked.is_ok()
        && std::io::stdin().lock().read_line(&mut answer).is_ok()
        && matches!(answer.trim(), "y" | "Y" | "yes")
}
