//! `man`: manual pages from the definitions of the command line.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::commands::exit_status::{EXIT_STATUSES, ExitStatus};
use crate::commands::help;
use crate::config::VARIABLES;

const EXAMPLES: &str = "Examples:
  claude-langfuse man | man -l -
  claude-langfuse man --output-dir ~/.local/share/man/man1";

/// Generate manual pages
///
/// Prints the page of the program. With --output-dir, writes it and a page per command.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ManArgs {
    /// Folder for all pages, created if it is missing
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

const FILES: [(&str, &str); 4] = [
    (
        "~/.config/claude-langfuse/config.json",
        "Configuration: {\"env\": {…}, \"projects\": {\"/path\": {\"env\": {…}}}}.",
    ),
    (
        "~/.claude/settings.json",
        "Claude Code's settings, which register this program as a hook for Stop and SessionEnd.",
    ),
    ("~/.claude/state/langfuse_hook.log", "Log: one line per hook that had something to do."),
    (
        "~/.claude/state/claude-langfuse/",
        "How far Langfuse has acknowledged each session. No text of a conversation.",
    ),
];

/// Runs the command.
///
/// # Errors
/// When a page can't be written.
pub(super) fn run(args: &ManArgs, mut command: Command) -> Result<ExitStatus> {
    command.build();
    match &args.output_dir {
        None => std::io::stdout().lock().write_all(&program_page(command)?)?,
        Some(folder) => {
            fs::create_dir_all(folder)
                .with_context(|| format!("could not create folder: {}", folder.display()))?;
            let write = |man: &Man, page: Vec<u8>| {
                let path = folder.join(man.get_filename());
                fs::write(&path, page)
                    .with_context(|| format!("could not write: {}", path.display()))
            };
            let subcommands = command.get_subcommands();
            for subcommand in subcommands.filter(|one| one.get_name() != "help") {
                let man = Man::new(subcommand.clone());
                let mut page = Vec::new();
                man.render(&mut page)?;
                write(&man, page)?;
            }
            write(&Man::new(command.clone()), program_page(command)?)?;
        }
    }
    Ok(ExitStatus::Done)
}

/// The page of the program: clap's sections, then what holds for all commands.
fn program_page(command: Command) -> Result<Vec<u8>> {
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman(
        "Later layers win: the defaults, env of the configuration file, env of the longest matching path in its projects, the \
         shell and Claude Code's settings files. Each LANGFUSE_* is also read as CC_LANGFUSE_*, which wins.",
    )]);
    for variable in VARIABLES {
        definition(&mut roff, &help::spelling(variable), &help::meaning(variable));
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (_, code, _, meaning) in EXIT_STATUSES {
        definition(&mut roff, &code.to_string(), meaning);
    }
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        definition(&mut roff, path, meaning);
    }
    roff.to_writer(&mut page)?;
    Ok(page)
}

fn definition(roff: &mut Roff, term: &str, meaning: &str) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text([roman(meaning)]);
}
