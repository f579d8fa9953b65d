//! Whether Claude Code calls us: registered where and how often, with which program and timeout, what switches hooks off, and
//! who else sends the same turns.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Patient;
use crate::claude_settings::{
    EVENTS, Entry, Hooks, SESSION_END_TIMEOUT, Surveyed, survey, switched_off,
};
use crate::command::report::Report;

const INSTALL: &str =
    "run 'claude-langfuse install', or set programs.claude-langfuse.enable with home-manager";

pub(super) fn check(patient: &Patient<'_>, report: &mut Report) {
    let (env, files) = (&patient.post.env, &patient.post.files);
    let surveyed = survey(env, files, Some(&patient.start));
    settings(&surveyed, report);
    let ours: Vec<(&Path, &Entry)> = hooks(&surveyed)
        .flat_map(|(path, hooks)| hooks.ours.iter().map(move |entry| (path, entry)))
        .collect();
    if ours.is_empty() {
        report.fail("hooks", "Claude Code does not call this program, so nothing is sent", INSTALL);
    } else {
        for event in EVENTS {
            let of_event = ours.iter().filter(|(_, entry)| entry.event == event);
            let entries: Vec<(&Path, &Entry)> = of_event.copied().collect();
            registered(patient, event, &entries, report);
        }
    }
    let elsewhere = ours.iter().find(|(_, entry)| !EVENTS.contains(&entry.event.as_str()));
    if let Some((path, entry)) = elsewhere {
        report.warn(
            "hooks",
            format!(
                "the hook is also registered for {} in {}, where it does nothing",
                entry.event,
                path.display()
            ),
            "remove that entry",
        );
    }
    rivals(&surveyed, report);
}

/// Files that Claude Code can't read, and switches that keep it from calling anybody.
fn settings(surveyed: &[Surveyed], report: &mut Report) {
    for one in surveyed {
        if let Err(error) = &one.hooks {
            report.fail(
                "settings",
                error,
                "mend the file: Claude Code passes over all of it, hooks too",
            );
        }
    }
    if let Some((path, switch)) = switched_off(surveyed) {
        let help = match switch {
            "allowManagedHooksOnly" => {
                "ask your administrator to register the hook in the managed settings".to_owned()
            }
            _ => format!("remove {switch} there"),
        };
        report.fail(
            "hooks",
            format!("{switch} in {} keeps Claude Code from calling hooks", path.display()),
            help,
        );
    }
}

fn rivals(surveyed: &[Surveyed], report: &mut Report) {
    for (path, hooks) in hooks(surveyed) {
        for rival in &hooks.other_exporters {
            report.fail(
                "rivals",
                format!(
                    "{rival} in {} sends turns to Langfuse too: each may be there twice",
                    path.display()
                ),
                "remove one of the two; docs/migrating.md says how to change over without a gap",
            );
        }
    }
}

fn hooks(surveyed: &[Surveyed]) -> impl Iterator<Item = (&Path, &Hooks)> {
    surveyed.iter().filter_map(|one| Some((one.path.as_path(), one.hooks.as_ref().ok()?)))
}

/// How an event is registered.
fn registered(
    patient: &Patient<'_>,
    event: &'static str,
    entries: &[(&Path, &Entry)],
    report: &mut Report,
) {
    let Some((path, entry)) = entries.first() else {
        let what = match event {
            "Stop" => "so nothing is sent",
            _ => "so the end of a session waits for a later hook",
        };
        return report.fail(
            "hooks",
            format!("the hook is not registered for {event}, {what}"),
            INSTALL,
        );
    };
    // Claude Code runs identical commands once.
    let commands = entries.iter().map(|(_, entry)| entry.command.as_str()).collect::<BTreeSet<_>>();
    if commands.len() > 1 {
        let places: Vec<String> =
            entries.iter().map(|(path, _)| path.display().to_string()).collect();
        report.warn(
            "hooks",
            format!(
                "the hook is registered {} times for {event}, in {}: each runs",
                commands.len(),
                places.join(" and ")
            ),
            "remove all but one; 'claude-langfuse uninstall' removes those of your own settings",
        );
    }
    let mut well = true;
    for (path, entry) in entries {
        well &= fits(patient, event, path, entry, report);
    }
    if well {
        report.ok(
            "hooks",
            format!("registered for {event} in {}: {}", path.display(), entry.command),
        );
    }
}

/// Whether an entry lets us do our work.
fn fits(
    patient: &Patient<'_>,
    event: &str,
    path: &Path,
    entry: &Entry,
    report: &mut Report,
) -> bool {
    let place = format!("{event} in {}", path.display());
    if entry.asynchronous {
        report.fail(
            "hooks",
            format!(
                "the hook for {place} is asynchronous: Claude Code ends it when it exits itself"
            ),
            "remove \"async\" there; the hook takes milliseconds",
        );
        return false;
    }
    if entry.narrowed {
        report.warn(
            "hooks",
            format!("a matcher keeps some events from the hook for {place}"),
            "remove the matcher there",
        );
        return false;
    }
    timeout(patient, event, &place, entry, report) && program(patient, &place, entry, report)
}

fn timeout(
    patient: &Patient<'_>,
    event: &str,
    place: &str,
    entry: &Entry,
    report: &mut Report,
) -> bool {
    let budget = patient.config.hook_budget.as_secs_f64();
    match (event, entry.timeout) {
        ("Stop", Some(timeout)) if timeout < budget => {
            report.fail(
                "hooks",
                format!("the hook for {place} is ended after {timeout} s, before its budget of {budget} s is over"),
                "remove \"timeout\" there, which is in seconds, or set CC_LANGFUSE_HOOK_BUDGET lower",
            );
            false
        }
        ("SessionEnd", timeout) if timeout.is_none_or(|timeout| timeout < 2.0) => {
            let after = timeout.map_or(Duration::from_millis(1500), |timeout| {
                Duration::try_from_secs_f64(timeout).unwrap_or_default()
            });
            report.warn(
                "hooks",
                format!(
                    "the hook for {place} is ended after {:.1} s, too soon for a slow network",
                    after.as_secs_f64()
                ),
                format!("set \"timeout\": {SESSION_END_TIMEOUT} there, in seconds"),
            );
            false
        }
        _ => true,
    }
}

/// Whether the program that is registered is there, and is this one.
fn program(patient: &Patient<'_>, place: &str, entry: &Entry, report: &mut Report) -> bool {
    let Some(named) = entry.our_program() else {
        return true;
    };
    let found = find(patient, &named);
    let canonical = found.as_ref().and_then(|path| path.canonicalize().ok());
    let this = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    match (canonical, this) {
        (None, _) => {
            report.fail(
                "hooks",
                format!("the program of the hook for {place} is not there: {named}"),
                INSTALL,
            );
            false
        }
        (Some(program), Some(this)) if program != this => {
            report.warn(
                "hooks",
                format!(
                    "the hook for {place} runs {}, and this is {}",
                    program.display(),
                    this.display()
                ),
                "run the doctor of that one, or 'claude-langfuse install' to register this one",
            );
            false
        }
        _ => true,
    }
}

/// As the shell finds it that Claude Code starts.
fn find(patient: &Patient<'_>, named: &str) -> Option<PathBuf> {
    let env = &patient.post.env;
    let home = env.home().map(|home| home.display().to_string()).unwrap_or_default();
    let named = named.replace("$HOME", &home).replace("${HOME}", &home);
    let path = env.expand_home(&named);
    if named.contains('/') {
        return path.exists().then_some(path);
    }
    let folders = std::env::split_paths(env.variable("PATH")?);
    folders.map(|folder| folder.join(&named)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Report, settings};
    use crate::claude_settings::survey;
    use crate::command::report::Verdict;
    use crate::config::{Env, Files};

    /// Only an administrator may write where such a file counts, so no test can seed this fault in a home.
    #[test]
    fn hooks_of_administrators_alone_are_a_reason_why_nothing_comes() {
        let folder = tempfile::tempdir().unwrap();
        let managed = folder.path().join("managed-settings.json");
        let env = Env {
            managed_dir: Some(folder.path().to_owned()),
            home: Some(folder.path().to_owned()),
            ..Env::default()
        };
        let told = || {
            let mut report = Report::default();
            settings(&survey(&env, &Files::new(), None), &mut report);
            report
        };
        fs::write(&managed, r#"{"allowManagedHooksOnly": false}"#).unwrap();
        assert_eq!(told().verdict(), Verdict::Ok);
        fs::write(&managed, r#"{"allowManagedHooksOnly": true}"#).unwrap();
        assert_eq!(told().verdict(), Verdict::Fail);
    }
}
