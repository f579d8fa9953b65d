//! `score`: sends a person's scores of a turn or a session.

pub(super) mod score_arg;

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::{Value as Json, json};

use crate::commands::delivery_context::{DeliveryContext, SessionTarget};
use crate::commands::exit_status::{ExitStatus, status_error};
use crate::commands::global_args::GlobalArgs;
use crate::commands::output::{exact_stdout, print_json, stdout};
use crate::commands::remedy::failure;
use crate::commands::retry_after::with_retry_after;
use crate::commands::session_args;
use crate::commands::session_ref::SessionRef;
use crate::commands::turn_roots::{TurnRoot, sent_context, turn_roots, warn_if_unsent};
use crate::config::{Config, Destination, Scope};
use crate::delivery::Extent;
use crate::langfuse::{Deadline, batch, correction_request, send_correction, send_scores};
use crate::privacy::Policy;
use crate::score::{Comment, Judge, Score, Subject, Value};
use crate::trace::{SpanId, TraceId};
use base::{Timestamp, regular_file};
use score_arg::{ScoreArg, ScoreType, ScoreWord};

const USAGE: &str = "claude-langfuse score [OPTIONS] [PATH|SESSION[#TURN]] <NAME=VALUE>...
       claude-langfuse score [OPTIONS] [PATH|SESSION#TURN] --correct <FILE|->";

const EXAMPLES: &str = "Examples:
  claude-langfuse score 3f2a#2 helpful=true
  claude-langfuse score 3f2a#2 quality=4 tone=friendly --comment 'found the cause at once'
  claude-langfuse score 3f2a solved=false         the whole session
  claude-langfuse score 3f2a#2 grade=1 --type categorical
  claude-langfuse score 3f2a#2 --correct answer.md
  claude-langfuse score helpful=true              within Claude Code: its newest turn that is over

Exit codes: 0 accepted, 1 session or turn not found or value of another type, 2 wrong usage,
3 configuration missing or invalid, 4 server unreachable, 5 keys rejected, 6 content rejected.";

/// Score a turn or a session
///
/// Scores the trace of a turn, or the session as a whole. A number is numeric, 'true' and 'false' are boolean, any other
/// word is categorical. A second score of the same name replaces the first. Names and comments are masked. In a command that
/// Claude Code runs, the session may be left out: the newest turn that is over is scored.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES, override_usage = USAGE)]
pub(super) struct ScoreArgs {
    /// Session with #N for a turn, and scores [default: newest turn]
    #[arg(value_name = "PATH|SESSION|NAME=VALUE", required_unless_present = "correct", value_parser = score_arg::parse_word)]
    words: Vec<ScoreWord>,
    /// Corrected output of a turn, from a file or stdin (-)
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["comment", "score_type"])]
    correct: Option<PathBuf>,
    /// Comment on all of these scores [default: none]
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Type of the values [default: by their form]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    score_type: Option<ScoreType>,
    /// Print the request, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the session or its turn can't be found, a value doesn't fit, or nothing can be printed.
pub(super) fn run(args: &ScoreArgs, global: &GlobalArgs) -> Result<ExitStatus> {
    let mut context = DeliveryContext::new(global.config.clone())?;
    let (named, scores) = split(args)?;
    let (session, config) = match named {
        Some(reference) => session_args::open_named(&mut context, &reference.session)?,
        None => {
            let transcript = session_args::current(&context)?.ok_or_else(|| {
                let reason = "no session is named; outside of Claude Code name one, e.g. 3f2a#2";
                error(ExitStatus::Usage, reason)
            })?;
            session_args::open(&mut context, &transcript, Extent::Resend, Scope::Explicit)?
        }
    };
    let roots = turn_roots(&session, &config)?;
    let target = match named {
        None => {
            let newest = roots.iter().map(|root| root.turn).max();
            let newest = newest.ok_or_else(|| anyhow!("could not score: no turn is over yet"))?;
            turn_target(&session, &config, &roots, newest)?
        }
        Some(reference) => {
            let numbers: Vec<u64> = roots.iter().map(|root| root.turn).collect();
            session_args::check_turns(reference, &numbers)?;
            match (reference.turns.is_all(), reference.turns.single()) {
                (true, _) => session_target(&session, &roots)?,
                (false, Some(turn)) => turn_target(&session, &config, &roots, turn)?,
                (false, None) => {
                    bail!(
                        "could not score several turns at once: name one, or the session as a whole"
                    )
                }
            }
        }
    };
    let scores = match &args.correct {
        Some(path) => vec![target.correction(path, &config)?],
        None => target.scores(args, &scores, &config)?,
    };
    if args.dry_run {
        let request = match scores.first() {
            Some(correction) if args.correct.is_some() => correction_request(correction),
            _ => batch(&scores),
        };
        writeln!(exact_stdout(), "{request}")?;
        return Ok(ExitStatus::Done);
    }
    let unusable = |problem| error(ExitStatus::Misconfigured, problem);
    let destination = config.destination.as_ref().map_err(unusable)?;
    let typed = named.map_or(Path::new(&session.id), |reference| &reference.session);
    warn_if_unsent(&session, &config, destination, typed);
    send(&context, &config, destination, &scores)?;
    print_scores(args, &target, &session, &scores, destination)?;
    Ok(ExitStatus::Done)
}

/// The session, if it is named, and the scores.
fn split(args: &ScoreArgs) -> Result<(Option<&SessionRef>, Vec<&ScoreArg>)> {
    let (named, rest) = match args.words.as_slice() {
        [ScoreWord::Session(reference), rest @ ..] => (Some(reference), rest),
        rest => (None, rest),
    };
    let mut scores = Vec::new();
    for word in rest {
        match word {
            ScoreWord::Score(score) => scores.push(score),
            ScoreWord::Session(other) => {
                let other = other.session.display();
                let reason = format!("{other} is no NAME=VALUE, e.g. helpful=true");
                return Err(error(ExitStatus::Usage, reason));
            }
        }
    }
    match (scores.is_empty(), &args.correct) {
        (true, None) => {
            Err(error(ExitStatus::Usage, "no score is given; add NAME=VALUE, e.g. helpful=true"))
        }
        (false, Some(_)) => {
            Err(error(ExitStatus::Usage, "--correct takes no scores; run the command twice"))
        }
        _ => Ok((named, scores)),
    }
}

struct ScoreTarget {
    subject: Subject,
    /// The root observation of a turn.
    root: Option<SpanId>,
    turn: Option<u64>,
    timestamp: Timestamp,
}

fn session_target(session: &SessionTarget, roots: &[TurnRoot]) -> Result<ScoreTarget> {
    let Some(first) = roots.first() else {
        bail!("could not score session {}: it has no turns of its own", session.id);
    };
    if roots.iter().all(|root| root.attached) {
        bail!(
            "could not score the session: its turns are part of another application's trace; name a turn (#N)"
        );
    }
    Ok(ScoreTarget {
        subject: Subject::Session(session.id.clone()),
        root: None,
        turn: None,
        timestamp: first.start,
    })
}

fn turn_target(
    session: &SessionTarget,
    config: &Config,
    roots: &[TurnRoot],
    turn: u64,
) -> Result<ScoreTarget> {
    let root = roots.iter().find(|root| root.turn == turn);
    let root = root.ok_or_else(|| anyhow!("could not find turn {turn}"))?;
    let span = SpanId::given(root.span.clone());
    let is_apart = root.attached || root.in_experiment;
    let subject = sent_subject(session, config, &span)
        .unwrap_or_else(|| subject(TraceId::given(root.trace.clone()), span.clone(), is_apart));
    Ok(ScoreTarget { subject, root: Some(span), turn: Some(turn), timestamp: root.start })
}

fn subject(trace: TraceId, span: SpanId, is_apart: bool) -> Subject {
    if is_apart { Subject::Observation(trace, span) } else { Subject::Trace(trace) }
}

/// The subject under which the turn was sent. The configuration may have changed since.
fn sent_subject(session: &SessionTarget, config: &Config, root: &SpanId) -> Option<Subject> {
    let sent = sent_context(session, config, root.as_str())?;
    let is_apart = sent.parent.is_some() || sent.experiment.is_some();
    Some(subject(sent.trace_id, root.clone(), is_apart))
}

impl ScoreTarget {
    /// The corrected output of a turn. Langfuse shows it by this name, and on an observation.
    fn correction(&self, path: &Path, config: &Config) -> Result<Score> {
        const NAME: &str = "output";
        let Some(root) = &self.root else {
            bail!("could not correct the session: name a turn (#N)");
        };
        let mut text =
            read_text(path).with_context(|| format!("could not read {}", path.display()))?;
        if text.trim().is_empty() {
            bail!("could not correct the turn: {} is empty", path.display());
        }
        Policy::from(config).apply_to_name(&mut text);
        let subject = match &self.subject {
            Subject::Trace(trace) => Subject::Observation(trace.clone(), root.clone()),
            subject => subject.clone(),
        };
        Ok(Score {
            id: Score::id(Judge::Person, &subject, NAME),
            subject,
            name: NAME.to_owned(),
            value: Value::Correction(text),
            comment: Comment::Kept,
            environment: config.environment.clone(),
            filed: self.timestamp,
            judged: Timestamp::now(),
        })
    }

    fn scores(
        &self,
        args: &ScoreArgs,
        scores: &[&ScoreArg],
        config: &Config,
    ) -> Result<Vec<Score>> {
        let policy = Policy::from(config);
        let mask = |text: &String| {
            let mut text = text.clone();
            policy.apply_to_name(&mut text);
            text
        };
        let now = Timestamp::now();
        let score = |arg: &&ScoreArg| {
            let name = mask(&arg.name);
            let value = match arg.value(args.score_type) {
                Ok(Value::Categorical(word)) => Value::Categorical(mask(&word)),
                Ok(Value::Text(text)) => Value::Text(mask(&text)),
                Ok(value) => value,
                Err(reason) => bail!("could not use {reason}"),
            };
            Ok(Score {
                id: Score::id(Judge::Person, &self.subject, &name),
                subject: self.subject.clone(),
                name,
                value,
                comment: args
                    .comment
                    .as_ref()
                    .map_or(Comment::Cleared, |text| Comment::Text(mask(text))),
                environment: config.environment.clone(),
                filed: self.timestamp,
                judged: now,
            })
        };
        scores.iter().map(score).collect()
    }
}

fn send(
    context: &DeliveryContext,
    config: &Config,
    destination: &Destination,
    scores: &[Score],
) -> Result<()> {
    let mut client = context.client(config, destination)?;
    let sent = with_retry_after(|| {
        let deadline = Deadline::after(config.timeout);
        match scores {
            [correction @ Score { value: Value::Correction(_), .. }] => {
                send_correction(&mut client, correction, deadline)
            }
            scores => send_scores(&mut client, scores, deadline),
        }
    });
    let (reason, status) = match sent {
        Ok(0) => return Ok(()),
        Ok(rejected) => {
            let reason = format!("the server rejects {rejected} of {}", scores.len());
            (reason, ExitStatus::ContentRejected)
        }
        Err(reply) => failure(&reply, destination),
    };
    Err(error(status, reason))
}

/// No answer is longer.
const MAX_CORRECTION_BYTES: u64 = 1024 * 1024;

fn read_text(path: &Path) -> Result<String> {
    if path != Path::new("-") {
        return Ok(regular_file::read_text(path, MAX_CORRECTION_BYTES)?);
    }
    let mut text = String::new();
    io::stdin().take(MAX_CORRECTION_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_CORRECTION_BYTES {
        bail!("it is longer than {MAX_CORRECTION_BYTES} bytes");
    }
    Ok(text)
}

fn error(status: ExitStatus, reason: impl Display) -> anyhow::Error {
    status_error(status, format!("could not score: {reason}"))
}

fn print_scores(
    args: &ScoreArgs,
    target: &ScoreTarget,
    session: &SessionTarget,
    scores: &[Score],
    destination: &Destination,
) -> io::Result<()> {
    let link = match &target.subject {
        Subject::Session(_) => None,
        Subject::Trace(trace) | Subject::Observation(trace, _) => {
            Some(destination.trace_link(trace.as_str()))
        }
    };
    if args.json {
        let objects: Vec<Json> = scores
            .iter()
            .map(|score| json!({"id": score.id, "name": score.name, "value": json_value(&score.value)}))
            .collect();
        let object = json!({
            "session": session.id, "turn": target.turn, "scores": objects, "link": link,
        });
        return print_json("scores", object);
    }
    let mut out = stdout();
    let scored = match target.turn {
        Some(turn) => format!("turn {turn} of session {}", session.id),
        None => format!("session {}", session.id),
    };
    for Score { name, value, .. } in scores {
        writeln!(out, "{scored}: {name} = {}", value_text(value))?;
    }
    link.map_or(Ok(()), |link| writeln!(out, "{link}"))
}

fn json_value(value: &Value) -> Json {
    match value {
        Value::Numeric(number) => json!(number),
        Value::Boolean(yes) => json!(yes),
        Value::Categorical(text) | Value::Text(text) | Value::Correction(text) => json!(text),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Numeric(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Categorical(text) | Value::Text(text) => text.clone(),
        Value::Correction(_) => "corrected".to_owned(),
    }
}
