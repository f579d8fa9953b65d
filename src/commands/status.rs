//! `status`: one screen from local state, fast enough for a prompt.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use base::Timestamp;
use clap::Args;
use serde_json::{Value, json};

use crate::claude_settings::{OtherExporter, other_exporters, survey};
use crate::commands::delivery_context::DeliveryContext;
use crate::commands::doctor::hooks::sends_too;
use crate::commands::exit_status::ExitStatus;
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{
    Terminal, exact_stdout, long_duration, plural, print_json, shorten_home, stdout, wrap,
};
use crate::commands::remedy::remedy;
use crate::commands::start_directory::start_directory;
use crate::commands::status_line;
use crate::commands::waiting::{Waiting, waiting};
use crate::config::{Config, Destination, DestinationProblem, Env, Scope};
use crate::privacy::invalid_patterns;
use crate::state::{Backoff, Delivered, Store};

const EXAMPLES: &str = "Examples:
  claude-langfuse status                        sessions started here
  claude-langfuse status --project ~/code/app   sessions of another project
  claude-langfuse status --line                 for Claude Code's statusLine or a prompt

Exit codes: 0 no problem or tracing off, 1 something waits or failed,
3 configuration missing or invalid.";

/// Show what was delivered, what waits and what fails
///
/// Reads local state only, so it is fast. 'doctor' also checks the server. With --line it reads the JSON that Claude Code gives a
/// statusLine command, and shows the session's cost and a link to its last trace.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StatusArgs {
    /// Directory of the sessions [default: current directory]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print one line of at most 40 columns for a statusline
    #[arg(long, conflicts_with = "json")]
    line: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Width of the names on the left.
const NAME_WIDTH: usize = 11;

/// Runs the command.
///
/// # Errors
/// When the directory does not exist, or nothing can be printed.
pub(super) fn run(args: &StatusArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let session = if args.line { status_line::Session::read() } else { None };
    let start = match session.as_ref().and_then(|session| session.start.clone()) {
        Some(start) if args.project.is_none() => start,
        _ => start_directory(args.project.as_deref())?,
    };
    let context = DeliveryContext::new(global.config.clone())?;
    let config = context.config(Some(&start), Scope::Explicit);
    let session_id = context.env.variable("CLAUDE_CODE_SESSION_ID");
    let mut status = StatusView::of(&context, start, config, session_id);
    if args.line {
        // Claude Code shows no statusline whose command fails.
        writeln!(exact_stdout(), "{}", status.line(session.as_ref()))?;
        return Ok(ExitStatus::Done);
    }
    let (env, files) = (&context.env, &context.files);
    let surveyed = survey(env, files, Some(&status.start));
    let destination = status.config.destination.as_ref().ok();
    status.other_exporters =
        other_exporters(env, files, Some(&status.start), &surveyed, destination);
    if args.json {
        print_json("status", status.json())?;
    } else {
        status.print(&context.env)?;
    }
    Ok(status.exit_status())
}

struct StatusView {
    now: Timestamp,
    start: PathBuf,
    config: Config,
    paused_since: Option<Timestamp>,
    delivered: Option<Delivered>,
    waiting: Waiting,
    inherited: Inherited,
    backoff: Backoff,
    failed_at: Option<Timestamp>,
    /// Other exporters of the same turns.
    other_exporters: Vec<OtherExporter>,
}

impl StatusView {
    fn of(
        context: &DeliveryContext,
        start: PathBuf,
        config: Config,
        session: Option<&str>,
    ) -> Self {
        let now = Timestamp::now();
        let store = Store::new(&config.state_dir);
        let times = store.pauses().times(Some(&start));
        let mut pauses = times.iter().filter(|time| time.covers(now));
        let paused_since = pauses.next().map(|time| time.from);
        let id = config.destination.as_ref().ok().map(Destination::id);
        let id = id.as_deref();
        Self {
            now,
            paused_since,
            delivered: id.and_then(|id| store.delivered(id)),
            waiting: waiting(context, &store),
            inherited: id.map(|id| Inherited::of(&store, session, id)).unwrap_or_default(),
            backoff: id.map(|id| store.backoff(id)).unwrap_or_default(),
            failed_at: id.and_then(|id| store.failed_at(id)),
            other_exporters: Vec::new(),
            start,
            config,
        }
    }

    /// Problem of the configuration, and its remedy.
    fn misconfiguration(&self) -> Option<(String, String)> {
        if let Some(problem) = &self.config.suspended {
            return Some((problem.cause(), problem.remedy.clone()));
        }
        if !self.config.enabled {
            return None;
        }
        if let Err(problem) = &self.config.destination {
            return Some((problem.what(), problem.remedy()));
        }
        let problem = invalid_patterns(&self.config)?;
        Some((problem, "see 'claude-langfuse config'".to_owned()))
    }

    /// The last failure, if it still lasts, and its remedy.
    fn failure(&self) -> Option<(&str, String)> {
        let reason = self.backoff.reason.as_deref().filter(|_| self.backoff.failures > 0)?;
        let destination = self.config.destination.as_ref().ok()?;
        Some((reason, remedy(self.backoff.problem, destination)))
    }

    fn exit_status(&self) -> ExitStatus {
        if self.misconfiguration().is_some() {
            ExitStatus::Misconfigured
        } else if self.waiting.sessions > 0 || self.failure().is_some() {
            ExitStatus::Failed
        } else {
            ExitStatus::Done
        }
    }

    fn mode(&self) -> &'static str {
        if self.config.suspended.is_some() {
            "suspended"
        } else if !self.config.enabled {
            "off"
        } else if self.paused_since.is_some() {
            "paused"
        } else {
            "on"
        }
    }

    fn last_link(&self) -> Option<String> {
        let destination = self.config.destination.as_ref().ok()?;
        let trace = self.delivered.as_ref()?.trace.as_ref()?;
        Some(destination.trace_link(trace.as_str()))
    }

    fn ago(&self, at: Timestamp) -> String {
        long_duration(self.now.since(at))
    }

    fn line(&self, session: Option<&status_line::Session>) -> String {
        let mut notes = Vec::new();
        if self.config.enabled {
            if self.misconfiguration().is_some() {
                notes.push("not configured".to_owned());
            } else if self.failure().is_some() {
                notes.push("failing".to_owned());
            }
            if self.waiting.sessions > 0 {
                notes.push(format!("{} waiting", self.waiting.sessions));
            }
        }
        status_line::line(self.mode(), notes, &self.config, session)
    }

    /// The source of the capture mode.
    fn mode_source(&self) -> String {
        let switch = || self.config.setting("TRACE_TO_LANGFUSE");
        match &self.config.suspended {
            Some(problem) => problem.place.clone(),
            None => switch().map_or_else(String::new, |setting| setting.source.to_string()),
        }
    }

    fn print(&self, env: &Env) -> Result<()> {
        let width = Terminal::of_stdout(env).width;
        let mut out = stdout();
        let mut print_row = |name: &str, text: &str| {
            let text = shorten_home(env.home(), text);
            writeln!(out, "{name:NAME_WIDTH$}{}", wrap(&text, NAME_WIDTH, width))
        };
        print_row(
            "tracing",
            &format!("{} in {} ({})", self.mode(), self.start.display(), self.mode_source()),
        )?;
        if let Some(since) = self.paused_since {
            print_row(
                "paused",
                &format!("for {}; 'claude-langfuse resume' ends it", self.ago(since)),
            )?;
        }
        match &self.config.destination {
            Ok(destination) => {
                print_row(
                    "langfuse",
                    &format!("{} ({})", destination.base_url, destination.base_url_source),
                )?;
                print_row(
                    "key",
                    &format!("{} ({})", destination.public_key, destination.keys_source),
                )?;
            }
            Err(DestinationProblem::Suspended(_)) => {
                print_row("langfuse", "unknown until the configuration can be read")?;
            }
            Err(problem) => print_row("langfuse", &format!("not configured: {}", problem.what()))?,
        }
        match &self.delivered {
            Some(delivered) => print_row("delivered", &format!("{} ago", self.ago(delivered.at)))?,
            None if self.config.suspended.is_some() => {}
            None => print_row("delivered", "nothing yet")?,
        }
        if let Some(link) = self.last_link() {
            print_row("", &link)?;
        }
        print_row("waiting", &self.waiting_text())?;
        for (name, text) in self.notes().into_iter().chain(self.problem_rows()) {
            print_row(name, &text)?;
        }
        Ok(())
    }

    fn waiting_text(&self) -> String {
        match self.waiting {
            Waiting { sessions: 0, .. } => "nothing".to_owned(),
            Waiting { sessions, media, since } => {
                let since = since.map(|since| self.ago(since)).unwrap_or_default();
                let mut sessions = plural(sessions, "session");
                if media > 0 {
                    let media = plural(media, "image");
                    sessions.push_str(&format!(" ({media} or documents not uploaded)"));
                }
                format!("{sessions}, for {since}; 'claude-langfuse flush' sends the rest")
            }
        }
    }

    /// Rows about ignored values and other exporters.
    fn notes(&self) -> Vec<(&'static str, String)> {
        let ignored = self.config.ignored.iter().flat_map(|problem| {
            [("ignored", problem.cause()), ("", format!("help: {}", problem.remedy))]
        });
        let Inherited { turns, sessions, parent } = &self.inherited;
        let inherited = (*turns > 0).then(|| {
            let copies = match sessions {
                0 | 1 => String::new(),
                sessions => format!(" of {}", plural(*sessions, "session")),
            };
            let parent = parent.as_deref().unwrap_or("the sessions that had them first");
            ("inherited", format!("{}{copies}, sent by {parent}", plural(*turns, "turn")))
        });
        let twice = self.other_exporters.iter().flat_map(|exporter| {
            [("twice", sends_too(exporter)), ("", format!("help: {}", exporter.remedy))]
        });
        ignored.chain(twice).chain(inherited).collect()
    }

    /// Rows of the problem and its remedy.
    fn problem_rows(&self) -> Vec<(&'static str, String)> {
        if let Some((what, help)) = self.misconfiguration() {
            return vec![("error", what), ("", format!("help: {help}"))];
        }
        let Some((reason, help)) = self.failure() else {
            return Vec::new();
        };
        let at = self.failed_at.map(|at| format!(" ({} ago)", self.ago(at)));
        let mut lines = vec![
            ("error", format!("{reason}{}", at.unwrap_or_default())),
            ("", format!("help: {help}")),
        ];
        let next = self.backoff.not_before.filter(|_| self.backoff.holds(self.now));
        lines.extend(
            next.map(|next| {
                ("", format!("hooks retry in {}", long_duration(next.since(self.now))))
            }),
        );
        lines
    }

    fn json(&self) -> Value {
        let destination = self.config.destination.as_ref().ok();
        let consent = self.config.setting("TRACE_TO_LANGFUSE").map(|setting| &setting.source);
        let time = |at: Timestamp| at.rfc3339();
        let with_help = |(message, help): (String, &str)| json!({"message": message, "help": help});
        let error = match self.misconfiguration() {
            Some((what, help)) => Some(with_help((what, &help))),
            None => self.failure().map(|(reason, help)| {
                json!({
                    "message": reason, "help": help, "problem": self.backoff.problem,
                    "at": self.failed_at.map(time), "next_try": self.backoff.not_before.map(time),
                })
            }),
        };
        let ignored = self.config.ignored.iter().map(|it| (it.cause(), it.remedy.as_str()));
        let twice = self.other_exporters.iter().map(|it| (sends_too(it), it.remedy.as_str()));
        json!({
            "start_directory": self.start.to_string_lossy(),
            "state": self.mode(),
            "source": consent.map(|source| source.layer.name()),
            "place": consent.map(|source| &source.place),
            "base_url": destination.map(|destination| &destination.base_url),
            "public_key": destination.map(|destination| &destination.public_key),
            "paused_since": self.paused_since.map(time),
            "delivered_at": self.delivered.as_ref().map(|delivered| time(delivered.at)),
            "last_trace": self.last_link(),
            "ignored": ignored.map(with_help).collect::<Vec<_>>(),
            "inherited": {
                "turns": self.inherited.turns, "sessions": self.inherited.sessions, "session": self.inherited.parent,
            },
            "waiting": {
                "sessions": self.waiting.sessions, "since": self.waiting.since.map(time),
                "media": self.waiting.media,
            },
            "recorded_twice": twice.map(with_help).collect::<Vec<_>>(),
            "error": error,
        })
    }
}

/// Turns that belong to the sessions from which others were copied.
#[derive(Default)]
struct Inherited {
    turns: usize,
    /// The copies.
    sessions: usize,
    /// The session from which the session of this command was copied.
    parent: Option<String>,
}

impl Inherited {
    /// `session`: only this one.
    fn of(store: &Store, session: Option<&str>, destination: &str) -> Self {
        let own = session.map(|session| store.cursor(session, destination).ok().flatten());
        let parent = own.as_ref().and_then(|own| own.as_ref()?.parent_session.clone());
        let all = own.is_none().then(|| store.all_cursors());
        let cursors = own.flatten().into_iter().chain(all.into_iter().flatten());
        let copies = cursors.filter(|it| it.destination == destination && it.inherited > 0);
        copies.fold(Self { parent, ..Self::default() }, |sum, copy| Self {
            turns: sum.turns + copy.inherited,
            sessions: sum.sessions + 1,
            ..sum
        })
    }
}
