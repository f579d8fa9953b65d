//! Valid values that are rarely intended. `config check` and `doctor` report them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::commands::output::CheckReport;
use crate::config::{Config, Destination, Env, Files, Layer};
use crate::langfuse::ca_file_problem;

/// Checks the values of sessions that start in a directory, and the projects of the configuration file.
pub(super) fn check(report: &mut CheckReport, env: &Env, files: &Files, config: &Config) {
    check_projects(report, env, files);
    let source = |name| config.setting(name).map(|setting| &setting.source);
    if let Some(problem) = config.ca_file.as_deref().and_then(ca_file_problem)
        && let Some(source) = source("LANGFUSE_CA_FILE")
    {
        report.warn("config", format!("{source}: {problem}"), "fix the path or the file");
    }
    if !config.mask
        && let Some(source) = source("CC_LANGFUSE_MASK")
    {
        report.warn(
            "mask",
            format!("secrets are sent as they are: {source} switches masking off"),
            "remove it; CC_LANGFUSE_MASK_PATTERNS can exclude single texts from masking",
        );
    }
    let name = config.trace_name.as_deref().unwrap_or_default();
    if name.replace("{project}", "").contains('{')
        && let Some(source) = source("CC_LANGFUSE_TRACE_NAME")
    {
        report.warn(
            "config",
            format!("{source}: only {{project}} is replaced in \"{name}\""),
            "remove the other braces",
        );
    }
    if let Ok(destination) = &config.destination {
        check_config_file(report, env, destination);
    }
}

/// A misspelled path traces nothing.
fn check_projects(report: &mut CheckReport, env: &Env, files: &Files) {
    let place = env.config_file().unwrap_or_default();
    for project in files.projects(env).iter().filter(|project| !project.is_dir()) {
        report.warn(
            "config",
            format!("{}: project {} is not a directory", place.display(), project.display()),
            "fix the path, or remove the project; a project of another machine needs no action",
        );
    }
}

/// A secret key in the configuration file is as readable as the file.
fn check_config_file(report: &mut CheckReport, env: &Env, destination: &Destination) {
    let source = &destination.secret_key_source;
    let is_in_file = matches!(source.layer, Layer::File | Layer::Project);
    let Some(path) = env.config_file().filter(|_| is_in_file && !source.name.ends_with("_FILE"))
    else {
        return;
    };
    if is_world_readable(&path) {
        let shown = path.display();
        report.warn(
            "config",
            format!("{source}: the key is in a file that is world-readable"),
            format!("run: chmod 600 {shown}"),
        );
    }
}

fn is_world_readable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}
