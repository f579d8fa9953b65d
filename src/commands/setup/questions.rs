//! The questions about projects, content and the newest session.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base::Timestamp;
use transcript::SessionInfo;

use super::answers::Projects;
use super::args::SetupArgs;
use super::history::ProjectHistory;
use crate::commands::exit_status::wrong_usage;
use crate::commands::output::{
    ask, ask_yes, long_duration, one_line, plural, shorten_home, show, truncate,
};
use crate::commands::start_directory::start_directory;
use crate::config::{Capture, Config, Env, root_of};

/// Longer lists are cut: a path can be typed too.
const MAX_PROJECTS: usize = 9;

/// The projects to trace.
pub(super) fn projects(
    args: &SetupArgs,
    env: &Env,
    history: &[ProjectHistory],
    traced: &[PathBuf],
    asks: bool,
) -> Result<Projects> {
    if args.all_projects {
        return Ok(Projects::All);
    }
    if !args.project.is_empty() {
        let folders = args.project.iter().map(|project| start_directory(Some(project)));
        return Ok(Projects::These(folders.collect::<Result<_>>()?));
    }
    if asks {
        return ask_projects(env, history, traced);
    }
    if traced.is_empty() {
        Err(wrong_usage(
            "nothing was changed: no project to trace\n  help: name it with --project, or use --all-projects",
        ))
    } else {
        Ok(Projects::Kept)
    }
}

fn ask_projects(env: &Env, history: &[ProjectHistory], traced: &[PathBuf]) -> Result<Projects> {
    let here = root_of(&start_directory(None)?);
    let short = |path: &Path| shorten_home(env.home(), &path.display().to_string());
    let listed: Vec<&ProjectHistory> = history.iter().take(MAX_PROJECTS).collect();
    show("Which projects shall be traced?\n")?;
    for (number, project) in (1..).zip(&listed) {
        let is_traced = traced.iter().any(|path| project.folder.starts_with(path));
        let note = if is_traced { ", traced" } else { "" };
        let sessions = plural(project.sessions, "session");
        let ago = ago(project.last);
        show(&format!("  {number}  {}  ({sessions}, {ago}{note})\n", short(&project.folder)))?;
    }
    let is_here_listed = listed.iter().position(|project| project.folder == here);
    let default = match (is_here_listed, listed.is_empty()) {
        _ if !traced.is_empty() => "keep".to_owned(),
        (Some(place), _) => (place + 1).to_string(),
        (None, false) => "1".to_owned(),
        (None, true) => short(&here),
    };
    if !traced.is_empty() {
        show("  keep  only those that are traced already\n")?;
    }
    show("  all   all projects, also future ones\n")?;
    loop {
        let answer = ask("Numbers such as 1,2, a path, or all", &default)?;
        match read_projects(env, &answer, &listed, !traced.is_empty()) {
            Ok(projects) => return Ok(projects),
            Err(error) => show(&format!("{error:#}\n"))?,
        }
    }
}

fn read_projects(
    env: &Env,
    answer: &str,
    listed: &[&ProjectHistory],
    may_keep: bool,
) -> Result<Projects> {
    match answer {
        "all" => return Ok(Projects::All),
        "keep" if may_keep => return Ok(Projects::Kept),
        _ => {}
    }
    let mut folders = Vec::new();
    for word in answer.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let number = word.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let folder = match number {
            Some(index) => {
                let listed = listed.get(index).map(|project| project.folder.clone());
                listed.with_context(|| format!("there is no number {word}"))?
            }
            None => start_directory(Some(&env.expand_home(word)))?,
        };
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    ensure!(!folders.is_empty(), "enter a number, a path, or all");
    Ok(Projects::These(folders))
}

/// The capture mode to set; `None` leaves the configured one.
pub(super) fn capture(args: &SetupArgs, config: &Config, asks: bool) -> Result<Option<Capture>> {
    if args.capture.is_some() || !asks {
        return Ok(args.capture);
    }
    const MODES: [(Capture, &str); 3] = [
        (Capture::Full, "everything, with secrets masked"),
        (Capture::NoToolContent, "prompts and answers, nothing that tools read or wrote"),
        (Capture::Metadata, "no content: names, times, tokens and cost"),
    ];
    show("What shall be sent?\n")?;
    for (number, (_, text)) in (1..).zip(MODES) {
        show(&format!("  {number}  {text}\n"))?;
    }
    let configured = MODES.iter().position(|(mode, _)| *mode == config.capture).unwrap_or_default();
    loop {
        let answer = ask("Number", &(configured + 1).to_string())?;
        let index = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match index.and_then(|index| MODES.get(index)) {
            Some((mode, _)) => return Ok(Some(*mode)),
            None => show("Enter 1, 2 or 3.\n")?,
        }
    }
}

/// The newest session of the projects, if the user wants to send it.
pub(super) fn newest(
    args: &SetupArgs,
    history: &[ProjectHistory],
    projects: &Projects,
    traced: &[PathBuf],
    asks: bool,
) -> Result<Option<PathBuf>> {
    let chosen = match projects {
        Projects::All => None,
        Projects::These(folders) => Some(folders.as_slice()),
        Projects::Kept => Some(traced),
    };
    let is_chosen = |project: &&ProjectHistory| {
        chosen.is_none_or(|folders| folders.iter().any(|path| project.folder.starts_with(path)))
    };
    let newest = history.iter().find(is_chosen);
    let (Some(newest), false) = (newest, args.no_send_newest) else {
        return Ok(None);
    };
    let title = SessionInfo::read(&newest.newest).ok().and_then(|info| info.title);
    let title = title.map(|title| format!(" \"{}\"", truncate(&one_line(&title), 40)));
    let question =
        format!("Send the newest session now{} ({})?", title.unwrap_or_default(), ago(newest.last));
    let is_wanted = args.send_newest || asks && ask_yes(&question, true)?;
    Ok(is_wanted.then(|| newest.newest.clone()))
}

fn ago(time: Timestamp) -> String {
    format!("{} ago", long_duration(Timestamp::now().since(time)))
}
