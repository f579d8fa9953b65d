//! The table of answers, without a socket.

use std::time::Duration;

use time::OffsetDateTime;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::{Problem, ResponseParts, Verdict, classify};

const JSON: &str = r#"{"error":"no"}"#;
const PAGE: &str = "<html></html>";
const DAY: u64 = 24 * 3600;

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let answer = ResponseParts { status, headers: &map, body: body.as_bytes(), whole: true };
    // Sun, 06 Nov 1994 08:49:37 GMT
    let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
    classify("host:443", answer, now)
}

/// A short word for a verdict, for tables.
fn word(reply: &Verdict) -> String {
    let word = match reply {
        Verdict::Acknowledged => "acknowledged",
        Verdict::Later { timed_out: true, .. } => "timed out",
        Verdict::Later { .. } => "later",
        Verdict::TooLarge { .. } => "too large",
        Verdict::Refused { .. } => "refused",
        Verdict::Misconfigured { problem, .. } => return problem.to_string(),
    };
    word.to_owned()
}

#[test]
fn every_status_has_its_meaning() {
    for (statuses, with_json, with_page) in [
        (&[200, 201, 202, 207][..], "acknowledged", "not-langfuse"),
        (&[300, 301, 302, 303, 304, 307, 308], "url", "url"),
        (&[400, 415, 422], "refused", "not-langfuse"),
        (&[401], "keys", "keys"),
        (&[402], "account", "account"),
        (&[403], "keys", "not-langfuse"),
        (&[404, 405, 410, 414, 421, 426, 501], "url", "url"),
        (&[408], "timed out", "timed out"),
        (&[409, 423, 425, 429, 499], "later", "later"),
        (&[413], "too large", "too large"),
        (&[406, 411, 418, 431, 451], "not-langfuse", "not-langfuse"),
        (&[500, 502, 503, 504, 505, 507, 511, 520, 524, 530, 599], "later", "later"),
        (&[101, 600, 999], "not-langfuse", "not-langfuse"),
    ] {
        for status in statuses {
            assert_eq!(word(&answer(*status, &[], JSON)), with_json, "{status} JSON");
            assert_eq!(word(&answer(*status, &[], PAGE)), with_page, "{status} page");
        }
    }
}

#[test]
fn only_a_json_object_acknowledges() {
    for (body, wanted) in [
        ("{}", "acknowledged"),
        (" {\"id\": \"1\", \"data\": {}}\n", "acknowledged"),
        ("", "not-langfuse"),
        ("OK", "not-langfuse"),
        ("true", "not-langfuse"),
        ("{", "not-langfuse"),
        ("{}<html>", "not-langfuse"),
        ("{\"a\":\"\u{0}\"}", "not-langfuse"),
    ] {
        assert_eq!(word(&answer(200, &[], body)), wanted, "{body:?}");
        // The header is no proof.
        let reply = answer(200, &[("content-type", "application/json")], body);
        assert_eq!(word(&reply), wanted, "{body:?}");
    }
}

#[test]
fn distinguishes_a_used_up_plan_from_wrong_keys() {
    let suspended = r#"{"message":"Ingestion suspended","error":"ForbiddenError"}"#;
    assert_eq!(word(&answer(403, &[], suspended)), "account");
    assert_eq!(word(&answer(403, &[], r#"{"message":"Invalid"}"#)), "keys");
    assert_eq!(word(&answer(403, &[], r#"{"error":3}"#)), "keys");
}

#[test]
fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
    let date = ("date", "Sun, 06 Nov 1994 08:00:00 GMT");
    for (value, wanted) in [
        ("0", Some(0)),
        ("17", Some(17)),
        (" 17 ", Some(17)),
        ("1000000000000", Some(DAY)),
        ("99999999999999999999999999", Some(DAY)),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
        ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
        ("Tue, 06 Nov 2294 08:49:37 GMT", Some(DAY)),
        ("Sun, 06 Nov 1994", None),
    ] {
        for status in [429, 503, 500] {
            let Verdict::Later { retry_after, .. } =
                answer(status, &[("retry-after", value)], JSON)
            else {
                panic!("{status} is not for later");
            };
            assert_eq!(retry_after, wanted.map(Duration::from_secs), "{value:?}");
        }
    }
    let by_its_clock = answer(503, &[("retry-after", "Sun, 06 Nov 1994 08:00:30 GMT"), date], "");
    let wait = Some(Duration::from_secs(30));
    assert!(matches!(by_its_clock, Verdict::Later { retry_after, .. } if retry_after == wait));
}

#[test]
fn an_answer_that_broke_off_acknowledges_nothing() {
    let reply = classify(
        "host:443",
        ResponseParts { status: 200, headers: &HeaderMap::new(), body: b"{}", whole: false },
        OffsetDateTime::UNIX_EPOCH,
    );
    assert_eq!(word(&reply), "later");
}

#[test]
fn reasons_are_one_line_that_names_the_server() {
    let location = [("location", "https://user:hunter2@other/path?key=hunter2")];
    for status in (100..600).chain([999]) {
        let text = format!("{:?}", answer(status, &location, PAGE));
        assert!(text.contains("host:443 answered"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("html"), "{text}");
        assert!(!text.contains("\\n"), "{text}");
    }
    assert_eq!(
        answer(401, &[], JSON),
        Verdict::Misconfigured {
            reason: "host:443 answered 401: check the keys".to_owned(),
            problem: Problem::Keys
        }
    );
}
