//! `score`: a person's judgement of a turn or of a session.

pub mod judgement;

use std::io::{self, Write};

use anyhow::{Result, anyhow, bail};
use base::Timestamp;
use serde_json::{Value as Json, json};

use crate::commands::cli::{self, Global};
use crate::commands::delivery_context::{Post, Session};
use crate::commands::remedy::meaning;
use crate::commands::retry_after::patiently;
use crate::commands::session_args;
use crate::commands::turn_roots::{Root, context_as_sent, roots, warn_of_unsent};
use crate::commands::{Outcome, print_json, told};
use crate::config::{Config, Destination, Scope};
use crate::delivery::Reach;
use crate::langfuse::{Client, Deadline, Reply, batch, send_scores};
use crate::privacy::Policy;
use crate::score::{Judge, Score, Subject, Value};
use crate::trace::{SpanId, TraceId};

/// Runs the command.
///
/// # Errors
/// When the session or its turn can't be found, when a value does not fit, or nothing can be printed.
pub fn run(arguments: &cli::Score, global: &Global) -> Result<Outcome> {
    told(arguments.json, || score(arguments, global))
}

fn score(arguments: &cli::Score, global: &Global) -> Result<Outcome> {
    let mut post = Post::new(global.config.clone())?;
    let reference = &arguments.session;
    let transcript = session_args::one(&reference.session, &session_args::claude_config(&post)?)?;
    let (session, config) =
        session_args::session(&mut post, &transcript, Reach::Again, Scope::Explicit)?;
    let roots = roots(&session, &config)?;
    let own: Vec<u64> = roots.iter().map(|root| root.turn).collect();
    session_args::check_turns(reference, &own)?;
    let target = match (reference.turns.are_all(), reference.turns.single()) {
        (true, _) => whole(&session, &roots)?,
        (false, Some(turn)) => one(&session, &config, &roots, turn)?,
        (false, None) => {
            bail!("could not score several turns at once: name one, or the session as a whole")
        }
    };
    let scores = target.scores(arguments, &config)?;
    if arguments.dry_run {
        writeln!(io::stdout().lock(), "{}", batch(&scores))?;
        return Ok(Outcome::Done);
    }
    let destination = match &config.destination {
        Ok(destination) => destination,
        Err(problem) => {
            return failed(arguments, &problem.to_string(), Outcome::Misconfigured);
        }
    };
    warn_of_unsent(&session, &config, destination, &reference.session);
    match send(&post, &config, destination, &scores)? {
        Ok(0) => Ok(tell(arguments, &target, &session, &scores, destination)?),
        Ok(refused) => {
            let reason = format!("the server refuses {refused} of {}", scores.len());
            failed(arguments, &reason, Outcome::ContentRefused)
        }
        Err(reply) => {
            let (reason, outcome) = meaning(&reply, destination);
            failed(arguments, &reason, outcome)
        }
    }
}

/// What is scored, and what is told of it.
struct Target {
    subject: Subject,
    turn: Option<u64>,
    filed: Timestamp,
}

fn whole(session: &Session, roots: &[Root]) -> Result<Target> {
    let Some(first) = roots.first() else {
        bail!(
            "could not score session {}: it has no turns of its own",
            session.id
        );
    };
    if roots.iter().all(|root| root.attached) {
        bail!("could not score the session: its turns are part of another trace; name a turn (#N)");
    }
    Ok(Target {
        subject: Subject::Session(session.id.clone()),
        turn: None,
        filed: first.start,
    })
}

fn one(session: &Session, config: &Config, roots: &[Root], turn: u64) -> Result<Target> {
    let root = roots.iter().find(|root| root.turn == turn);
    let root = root.ok_or_else(|| anyhow!("could not find turn {turn}"))?;
    let span = SpanId::given(root.span.clone());
    let subject = sent_as(session, config, &span)
        .unwrap_or_else(|| subject(TraceId::given(root.trace.clone()), span, root.attached));
    Ok(Target {
        subject,
        turn: Some(turn),
        filed: root.start,
    })
}

fn subject(trace: TraceId, span: SpanId, attached: bool) -> Subject {
    match attached {
        true => Subject::Observation(trace, span),
        false => Subject::Trace(trace),
    }
}

/// The turn as it was sent, which its own configuration of now may not tell any more.
fn sent_as(session: &Session, config: &Config, root: &SpanId) -> Option<Subject> {
    let context = context_as_sent(session, config, root.as_str())?;
    Some(subject(
        context.trace_id,
        root.clone(),
        context.parent.is_some(),
    ))
}

impl Target {
    fn scores(&self, arguments: &cli::Score, config: &Config) -> Result<Vec<Score>> {
        let policy = Policy::from(config);
        let masked = |text: &String| {
            let mut text = text.clone();
            policy.apply_to_name(&mut text);
            text
        };
        let judged = Timestamp::now();
        let score = |judgement: &judgement::Judgement| {
            let name = masked(&judgement.name);
            let value = match judgement.value(arguments.kind) {
                Ok(Value::Categorical(word)) => Value::Categorical(masked(&word)),
                Ok(Value::Text(text)) => Value::Text(masked(&text)),
                Ok(value) => value,
                Err(reason) => bail!("could not use {reason}"),
            };
            Ok(Score {
                id: Score::id(Judge::Person, &self.subject, &name),
                subject: self.subject.clone(),
                name,
                value,
                comment: arguments.comment.as_ref().map(masked),
                environment: config.environment.clone(),
                filed: self.filed,
                judged,
            })
        };
        arguments.judgements.iter().map(score).collect()
    }
}

fn send(
    post: &Post,
    config: &Config,
    destination: &Destination,
    scores: &[Score],
) -> Result<Result<usize, Reply>> {
    let environment = &post.surroundings.environment;
    let mut client = Client::to(destination, config.ca_file.as_deref(), environment)?;
    let send = || send_scores(&mut client, scores, Deadline::after(config.timeout));
    Ok(patiently(send))
}

fn failed(arguments: &cli::Score, reason: &str, outcome: Outcome) -> Result<Outcome> {
    let message = format!("could not score: {reason}");
    super::failed(arguments.json, &message, outcome)
}

fn tell(
    arguments: &cli::Score,
    target: &Target,
    session: &Session,
    scores: &[Score],
    destination: &Destination,
) -> io::Result<Outcome> {
    let link = match &target.subject {
        Subject::Session(_) => None,
        Subject::Trace(trace) | Subject::Observation(trace, _) => {
            Some(destination.trace_link(trace.as_str()))
        }
    };
    if arguments.json {
        let told: Vec<Json> = scores
            .iter()
            .map(|score| json!({"id": score.id, "name": score.name, "value": shown(&score.value)}))
            .collect();
        print_json(&json!({
            "schema": 1, "session": session.id, "turn": target.turn, "scores": told, "link": link,
        }))?;
        return Ok(Outcome::Done);
    }
    let mut out = io::stdout().lock();
    let scored = match target.turn {
        Some(turn) => format!("turn {turn} of session {}", session.id),
        None => format!("session {}", session.id),
    };
    for Score { name, value, .. } in scores {
        writeln!(out, "{scored}: {name} = {}", in_words(value))?;
    }
    if let Some(link) = link {
        writeln!(out, "{link}")?;
    }
    Ok(Outcome::Done)
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Numeric(number) => json!(number),
        Value::Boolean(yes) => json!(yes),
        Value::Categorical(text) | Value::Text(text) => json!(text),
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Numeric(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Categorical(text) | Value::Text(text) => text.clone(),
    }
}
