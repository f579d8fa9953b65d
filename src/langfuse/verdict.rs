//! Maps responses to verdicts, in one table: a wrong row loses turns (refused too early) or retries forever.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use ureq::http::HeaderMap;

use crate::langfuse::target::plain;

/// No server may hold us off for longer.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The outcome of one request. Reasons are one line without secrets and without the server's text: Langfuse's answer to a
/// success holds the public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A success with a JSON body.
    Acknowledged,
    /// The same request may succeed later.
    Later {
        reason: String,
        /// From the server, at most a day.
        retry_after: Option<Duration>,
        /// The time ran out during the upload: a smaller request may succeed.
        timed_out: bool,
    },
    /// To be split, or sent without content if it is a single item.
    TooLarge {
        reason: String,
        /// The server says so. Otherwise the connection broke under a large request, which may be chance.
        is_said: bool,
    },
    /// The server will never take this payload.
    Refused { reason: String },
    /// Only the user can fix this. It is retried as after [`Verdict::Later`], and the user is notified.
    Misconfigured { reason: String, problem: Problem },
}

/// A problem that only the user can fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The keys are wrong, or of the wrong kind.
    Keys,
    /// The account may not send: its plan is used up, or ingestion is suspended.
    Account,
    /// The base URL leads elsewhere.
    Url,
    /// Another server answers: a captive portal (which passes), a firewall, another site.
    NotLangfuse,
    /// The certificate is not trusted, or no TLS version is common.
    Certificate,
    /// The proxy refuses.
    Proxy,
}

/// The name in state and in JSON.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

impl Verdict {
    /// Why the request failed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Acknowledged => None,
            Self::Later { reason, .. }
            | Self::TooLarge { reason, .. }
            | Self::Refused { reason }
            | Self::Misconfigured { reason, .. } => Some(reason),
        }
    }

    pub(crate) fn later(reason: String) -> Self {
        Self::Later { reason, retry_after: None, timed_out: false }
    }

    pub(super) fn misconfigured(problem: Problem, reason: String) -> Self {
        Self::Misconfigured { reason, problem }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseParts<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// All headers.
    pub(crate) headers: &'a HeaderMap,
    /// The body, or as much of it as was read.
    pub(crate) body: &'a [u8],
    /// The body is complete.
    pub(crate) whole: bool,
}

/// `server` is `host:port`; `now` is for a `Retry-After` with a date.
pub(crate) fn classify(server: &str, answer: ResponseParts<'_>, now: OffsetDateTime) -> Verdict {
    let status = answer.status;
    let says = |text: &str| format!("{server} answered {status}: {text}");
    let misconfigured = |problem, text: &str| Verdict::misconfigured(problem, says(text));
    let later = |text: &str, timed_out| Verdict::Later {
        reason: says(text),
        retry_after: retry_after(answer.headers, now),
        timed_out,
    };
    match status {
        200..=299 => acknowledgement(server, answer),
        300..=399 => misconfigured(Problem::Url, &elsewhere(answer.headers)),
        401 => misconfigured(Problem::Keys, "check the keys"),
        402 => misconfigured(Problem::Account, "check the account's plan"),
        403 if is_suspended(answer.body) => {
            misconfigured(Problem::Account, "the project may not send, check the account's plan")
        }
        403 if is_json(answer) => {
            misconfigured(Problem::Keys, "check the keys, they must be a project's")
        }
        404 | 405 | 410 | 414 | 421 | 426 | 501 => {
            misconfigured(Problem::Url, "Langfuse's endpoint is not there, check the base URL")
        }
        408 => later("it waited too long for the request", true),
        413 => Verdict::TooLarge { reason: says("the request is too large"), is_said: true },
        409 | 423 | 425 | 499 => later("it can't take it now", false),
        429 => later("too many requests", false),
        // A gateway's own refusal is an HTML page and must not lose a turn.
        400 | 415 | 422 if is_json(answer) => {
            Verdict::Refused { reason: says("it refuses this payload") }
        }
        500..=599 => later("it is in trouble", false),
        _ => misconfigured(Problem::NotLangfuse, "this does not look like Langfuse"),
    }
}

/// A success needs a whole JSON object, because a captive portal answers 200 too.
fn acknowledgement(server: &str, answer: ResponseParts<'_>) -> Verdict {
    let status = answer.status;
    if !answer.whole {
        return Verdict::later(format!("{server} answered {status}, but the answer is not whole"));
    }
    if is_json_object(answer.body) {
        return Verdict::Acknowledged;
    }
    Verdict::misconfigured(
        Problem::NotLangfuse,
        format!(
            "{server} answered {status} with something that is not JSON: a sign-in page, or a wrong base URL"
        ),
    )
}

fn elsewhere(headers: &HeaderMap) -> String {
    match header(headers, "location") {
        Some(location) => format!("it points to {}, check the base URL", plain(location)),
        None => "it points elsewhere, check the base URL".to_owned(),
    }
}

fn is_json(answer: ResponseParts<'_>) -> bool {
    let kind = header(answer.headers, "content-type").unwrap_or_default();
    kind.to_ascii_lowercase().contains("json") || is_json_object(answer.body)
}

fn is_json_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<&RawValue>(body).is_ok()
}

/// Langfuse Cloud answers 403 with this name when a free plan is used up.
fn is_suspended(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Problem<'a> {
        error: &'a str,
    }
    serde_json::from_slice::<Problem<'_>>(body).is_ok_and(|body| body.error == "ForbiddenError")
}

/// Seconds or a date; what is neither is ignored.
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let value = header(headers, "retry-after")?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    // From the server's clock if known, because ours may be hours off.
    let now = server_time(headers).unwrap_or(now);
    let wait = Duration::try_from(date(value)? - now).unwrap_or_default();
    Some(wait.min(MAX_RETRY_AFTER))
}

pub(crate) fn server_time(headers: &HeaderMap) -> Option<OffsetDateTime> {
    header(headers, "date").and_then(date)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn date(text: &str) -> Option<OffsetDateTime> {
    const DATE: &[BorrowedFormatItem<'_>] = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    PrimitiveDateTime::parse(text, DATE).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests;
