//! Other exporters that send turns to the same Langfuse, so that each turn arrives twice and its cost counts twice.

use std::path::Path;

use super::command::{name_of, words};
use super::namesake;
use super::program::NAME;
use super::survey::Surveyed;
use super::telemetry::telemetry;
use crate::config::{Destination, Env, Files};
use crate::user_file::{Kind, UserFile};

/// Another exporter of the same turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherExporter {
    /// Its description and place.
    pub what: String,
    /// The line to change, as an imperative.
    pub remedy: String,
}

/// The other exporters of a session that was started in `start`.
pub fn other_exporters(
    env: &Env,
    files: &Files,
    start: Option<&Path>,
    surveyed: &[Surveyed],
    destination: Option<&Destination>,
) -> Vec<OtherExporter> {
    let mut found = Vec::new();
    for one in surveyed {
        let Ok(hooks) = &one.hooks else {
            continue;
        };
        let others = hooks.other_exporters.iter().filter(|(_, text)| !runs_ours(env, text));
        for (what, text) in others {
            let place = place(&one.path, text);
            found.push(OtherExporter {
                what: format!("{what} in {}", one.path.display()),
                remedy: format!(
                    "remove it in {place}; docs/migrating.md describes a change without a gap"
                ),
            });
        }
        for entry in &hooks.ours {
            let program = entry.our_program().and_then(|named| namesake::find(env, &named));
            if let Some(program) = program.filter(|program| namesake::is_another(program)) {
                found.push(OtherExporter {
                    what: format!(
                        "another program named claude-langfuse ({}), which the {} hook in {} runs,",
                        program.display(),
                        entry.event,
                        one.path.display()
                    ),
                    remedy: "register this program by its path: claude-langfuse install".to_owned(),
                });
            }
        }
    }
    if let Some(program) = namesake::on_path(env) {
        found.push(OtherExporter {
            what: format!(
                "another program named claude-langfuse on the PATH ({})",
                program.display()
            ),
            remedy: format!(
                "remove {}, or put this program before it on the PATH",
                program.display()
            ),
        });
    }
    found.extend(
        destination.into_iter().flat_map(|destination| telemetry(env, files, start, destination)),
    );
    found
}

/// Whether a command runs this program with another word than `hook`, such as `claude-langfuse flush`, which sends no
/// turn twice.
fn runs_ours(env: &Env, command: &str) -> bool {
    let words = words(command);
    let named = words.iter().find(|word| name_of(word) == NAME);
    named.is_some_and(|named| {
        namesake::find(env, named).is_none_or(|program| !namesake::is_another(&program))
    })
}

/// The file with the line of a text, if it can be found.
fn place(path: &Path, text: &str) -> String {
    let shown = path.display();
    let file = UserFile::open(path, Kind::Settings).ok();
    match file.and_then(|file| file.line_with(text)) {
        Some(line) => format!("{shown}:{line}"),
        None => shown.to_string(),
    }
}
