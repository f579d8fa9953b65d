//! The registration of the hook: where, with which program and timeout, what turns hooks off, and other exporters.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::DoctorContext;
use crate::claude_settings::{
    EVENTS, Entry, Hooks, OtherExporter, SESSION_END_TIMEOUT, Surveyed, find_program,
    other_exporters, survey, switched_off,
};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::output::{CheckLevel, CheckReport};

fn install_help(context: &DoctorContext<'_>) -> &'static str {
    if context.delivery.env.has_home_manager() {
        "switch your home-manager configuration, with programs.claude-langfuse.enable = true and without hook.via = \"none\""
    } else {
        "run 'claude-langfuse install'"
    }
}

pub(super) fn check(context: &DoctorContext<'_>, report: &mut CheckReport) {
    let (env, files) = (&context.delivery.env, &context.delivery.files);
    let surveyed = survey(env, files, Some(&context.start));
    check_settings(&surveyed, report);
    let ours: Vec<(&Path, &Entry)> = hooks(&surveyed)
        .flat_map(|(path, hooks)| hooks.ours.iter().map(move |entry| (path, entry)))
        .collect();
    if ours.is_empty() {
        report.fail(
            "hooks",
            "Claude Code does not call this program, so nothing is sent",
            install_help(context),
        );
    } else {
        for event in EVENTS {
            let of_event = ours.iter().filter(|(_, entry)| entry.event == event);
            let entries: Vec<(&Path, &Entry)> = of_event.copied().collect();
            check_event(context, event, &entries, report);
        }
    }
    let elsewhere = ours.iter().find(|(_, entry)| !EVENTS.contains(&entry.event.as_str()));
    if let Some((path, entry)) = elsewhere {
        report.warn(
            "hooks",
            format!(
                "the hook is also registered for {} in {}, where it has no effect",
                entry.event,
                path.display()
            ),
            "remove that entry",
        );
    }
    check_other_exporters(context, &surveyed, report);
}

/// Settings files that Claude Code can't read, and switches that turn hooks off.
fn check_settings(surveyed: &[Surveyed], report: &mut CheckReport) {
    for one in surveyed {
        if let Err(error) = &one.hooks {
            report.fail(
                "settings",
                error,
                "fix the file: Claude Code ignores all of it, also its hooks",
            );
        }
    }
    if let Some((path, switch)) = switched_off(surveyed) {
        let help = match switch {
            "allowManagedHooksOnly" => {
                "ask your administrator to register the hook in the managed settings".to_owned()
            }
            _ => format!("remove {switch} from that file"),
        };
        report.fail("hooks", format!("{switch} in {} turns hooks off", path.display()), help);
    }
}

/// Other exporters of the same turns.
fn check_other_exporters(
    context: &DoctorContext<'_>,
    surveyed: &[Surveyed],
    report: &mut CheckReport,
) {
    let DeliveryContext { env, files, .. } = &context.delivery;
    let destination = context.config.destination.as_ref().ok();
    for one in other_exporters(env, files, Some(&context.start), surveyed, destination) {
        report.fail("recorded twice", sends_too(&one), one.remedy);
    }
}

/// The problem of another exporter.
pub(in crate::commands) fn sends_too(exporter: &OtherExporter) -> String {
    format!("{} also sends turns to Langfuse: each may arrive twice", exporter.what)
}

fn hooks(surveyed: &[Surveyed]) -> impl Iterator<Item = (&Path, &Hooks)> {
    surveyed.iter().filter_map(|one| Some((one.path.as_path(), one.hooks.as_ref().ok()?)))
}

fn check_event(
    context: &DoctorContext<'_>,
    event: &'static str,
    entries: &[(&Path, &Entry)],
    report: &mut CheckReport,
) {
    let Some((path, entry)) = entries.first() else {
        let effect = match event {
            "Stop" => "so nothing is sent",
            _ => "so the end of a session is sent by a later hook",
        };
        return report.fail(
            "hooks",
            format!("the hook is not registered for {event}, {effect}"),
            install_help(context),
        );
    };
    // Claude Code runs identical commands only once.
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
            "remove all but one; 'claude-langfuse uninstall' removes the one of your user settings",
        );
    }
    let mut is_ok = true;
    for (path, entry) in entries {
        if let Some((level, problem, help)) = problem(context, event, path, entry) {
            is_ok = false;
            report.add("hooks", level, problem, Some(help));
        }
    }
    if is_ok {
        report.ok(
            "hooks",
            format!("registered for {event} in {}: {}", path.display(), entry.command),
        );
    }
}

/// A problem of an entry, with its remedy.
type EntryProblem = (CheckLevel, String, String);

/// The first problem of an entry.
fn problem(
    context: &DoctorContext<'_>,
    event: &str,
    path: &Path,
    entry: &Entry,
) -> Option<EntryProblem> {
    let place = format!("{event} in {}", path.display());
    if entry.asynchronous {
        return Some((
            CheckLevel::Fail,
            format!("the hook for {place} is asynchronous: Claude Code stops it when it exits"),
            "remove \"async\"; the hook takes milliseconds".to_owned(),
        ));
    }
    if entry.narrowed {
        let problem = format!("a matcher restricts the hook for {place}");
        return Some((CheckLevel::Warn, problem, "remove the matcher".to_owned()));
    }
    timeout_problem(context, event, &place, entry)
        .or_else(|| program_problem(context, &place, entry))
}

fn timeout_problem(
    context: &DoctorContext<'_>,
    event: &str,
    place: &str,
    entry: &Entry,
) -> Option<EntryProblem> {
    let budget = context.config.hook_budget.as_secs_f64();
    match (event, entry.timeout) {
        ("Stop", Some(timeout)) if timeout < budget => Some((
            CheckLevel::Fail,
            format!(
                "the hook for {place} is stopped after {timeout} s, before the end of its budget of {budget} s"
            ),
            "remove \"timeout\" (in seconds), or lower CC_LANGFUSE_HOOK_BUDGET".to_owned(),
        )),
        ("SessionEnd", timeout) if timeout.is_none_or(|timeout| timeout < 2.0) => {
            let after = timeout.map_or(Duration::from_millis(1500), |timeout| {
                Duration::try_from_secs_f64(timeout).unwrap_or_default()
            });
            let after = after.as_secs_f64();
            Some((
                CheckLevel::Warn,
                format!(
                    "the hook for {place} is stopped after {after:.1} s, too early for a slow network"
                ),
                format!("set \"timeout\": {SESSION_END_TIMEOUT} (in seconds)"),
            ))
        }
        _ => None,
    }
}

/// The registered program is missing, or another one than this.
fn program_problem(
    context: &DoctorContext<'_>,
    place: &str,
    entry: &Entry,
) -> Option<EntryProblem> {
    let named = entry.our_program()?;
    let found = find_program(&context.delivery.env, &named);
    let canonical = found.as_ref().and_then(|path| path.canonicalize().ok());
    let this = std::env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    let Some(program) = canonical else {
        let problem = format!("the program of the hook for {place} is missing: {named}");
        return Some((CheckLevel::Fail, problem, install_help(context).to_owned()));
    };
    let shown = program.display();
    if !is_executable(&program) {
        let problem = format!("the program of the hook for {place} can't be run: {shown}");
        return Some((CheckLevel::Fail, problem, install_help(context).to_owned()));
    }
    let this = this.filter(|this| *this != program)?;
    let problem = format!("the hook for {place} runs {shown}, and this is {}", this.display());
    let help = "register this one with 'claude-langfuse install'";
    Some((CheckLevel::Warn, problem, help.to_owned()))
}

pub(in crate::commands) fn is_executable(program: &Path) -> bool {
    program.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{CheckReport, check_settings};
    use crate::claude_settings::survey;
    use crate::commands::output::CheckLevel;
    use crate::config::{Env, Files};

    /// Managed settings are outside of the home, so that no test of the program can write them.
    #[test]
    fn managed_hooks_only_fails_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let managed = folder.path().join("managed-settings.json");
        let env = Env {
            managed_dir: Some(folder.path().to_owned()),
            home: Some(folder.path().to_owned()),
            ..Env::default()
        };
        let check = || {
            let mut report = CheckReport::default();
            check_settings(&survey(&env, &Files::new(), None), &mut report);
            report
        };
        fs::write(&managed, r#"{"allowManagedHooksOnly": false}"#).unwrap();
        assert_eq!(check().level(), CheckLevel::Ok);
        fs::write(&managed, r#"{"allowManagedHooksOnly": true}"#).unwrap();
        assert_eq!(check().level(), CheckLevel::Fail);
    }
}
