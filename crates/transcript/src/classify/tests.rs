//! One row of each kind that releases from 1.0.128 on write, and its record.

use super::{Reading, classify};
use crate::lines::Line;
use crate::{Entry, Record};

fn read(line: &[u8]) -> Reading {
    let line = Line { offset: 0, end: line.len() as u64, bytes: line.into(), is_cut: false };
    classify(line, 1000, false, &|_| true)
}

fn entry(line: &str) -> Entry {
    match read(line.as_bytes()) {
        Reading::Entry(entry) => *entry,
        other => panic!("{line}: {other:?}"),
    }
}

/// The kind of a record and its main fields.
fn said(line: &str) -> String {
    match read(line.as_bytes()) {
        Reading::Unneeded => "unneeded".to_owned(),
        Reading::Unknown(kind) => format!("unknown {kind}"),
        Reading::Broken(reason) => format!("broken: {reason}"),
        Reading::Entry(entry) => match entry.record {
            Record::Prompt(prompt) => format!(
                "prompt{}{}{}",
                prompt.command.map(|command| format!(" {command}")).unwrap_or_default(),
                if prompt.tentative { " perhaps" } else { "" },
                if prompt.notification.is_some() { " notification" } else { "" },
            ),
            Record::Results { results, beside, .. } => {
                format!("results {} beside {}", results.len(), beside.len())
            }
            Record::Assistant(answer) => {
                format!("answer {}", answer.message_id.as_deref().unwrap_or("without an id"))
            }
            Record::ApiError(error) if error.retried => format!("retry {}", error.message),
            Record::ApiError(error) => format!("error {}", error.message),
            Record::Interrupt(_) => "interrupt".to_owned(),
            record => format!("{record:?}").split(['(', ' ']).next().unwrap().to_lowercase(),
        },
    }
}

fn user(more: &str, content: &str) -> String {
    format!(r#"{{"type":"user","uuid":"u"{more},"message":{{"role":"user","content":{content}}}}}"#)
}

/// Fields beside the message, the content of the message, and the record.
const USER_ROWS: &[(&str, &str, &str)] = &[
    ("", r#""Fix it""#, "prompt"),
    (r#","turnOrigin":"human""#, r#"[{"type":"text","text":"Fix it"}]"#, "prompt"),
    (r#","isMeta":true,"turnOrigin":"scheduled""#, r#""Wake up""#, "prompt"),
    (r#","isMeta":true"#, r#""A skill's text""#, "injected"),
    (r#","isMeta":true"#, r#""Stop hook feedback:\nno""#, "stopfeedback"),
    ("", r#""[Request interrupted by user]""#, "interrupt"),
    (r#","rowSource":"harness""#, r#""[Request interrupted by user]""#, "interrupt"),
    (r#","rowSource":"local""#, r#""[Request interrupted by user]""#, "prompt"),
    (r#","isMeta":true,"rowSource":"hook""#, r#""Go on, said the hook""#, "stopfeedback"),
    (r#","isMeta":true,"rowSource":"local""#, r#""Stop hook feedback: a skill""#, "injected"),
    ("", r#""[Request interrupted by user for tool use]""#, "interrupt"),
    ("", r#""<local-command-stdout>x</local-command-stdout>""#, "local"),
    ("", r#""<bash-input>ls</bash-input>""#, "local"),
    (r#","turnOrigin":"human""#, r#""<bash-stdout>x</bash-stdout>""#, "prompt"),
    ("", r#""<command-name>/cost</command-name>""#, "prompt /cost perhaps"),
    (
        r#","turnOrigin":"sdk""#,
        r#""<command-message>greet</command-message>\n<command-name>/greet</command-name>""#,
        "prompt /greet",
    ),
    (
        r#","origin":{"kind":"task-notification"}"#,
        r#""<task-notification>\n<task-id>a1</task-id>\n</task-notification>""#,
        "prompt notification",
    ),
    (r#","queueTranscriptOnly":true"#, r#""<task-notification>x""#, "local"),
    (r#","isCompactSummary":true,"turnOrigin":"sdk""#, r#""Summary""#, "summary"),
    (r#","isVisibleInTranscriptOnly":true"#, r#""Echo""#, "unneeded"),
    (r#","repeatsCompactSummary":true"#, r#""Echo""#, "unneeded"),
    (
        "",
        r#"[{"type":"tool_result","tool_use_id":"t"},{"type":"text","text":"and"}]"#,
        "results 1 beside 1",
    ),
];

#[test]
fn ids_and_states_of_a_notification_are_words_and_not_what_somebody_wrote_there() {
    let read = |status: &str| {
        let text = format!("<task-notification><task-id>a1</task-id><status>{status}</status>");
        super::notification(&text).unwrap()
    };
    assert_eq!(read("killed").status.as_deref(), Some("killed"));
    let pasted = read("a sentence of a prompt");
    assert_eq!((pasted.task_id.as_deref(), pasted.status), (Some("a1"), None));
}

#[test]
fn classifies_user_rows_by_marks_and_texts() {
    for (more, content, expected) in USER_ROWS {
        assert_eq!(said(&user(more, content)), *expected, "{more} {content}");
    }
}

#[test]
fn a_made_up_answer_is_an_error_only_if_it_says_so() {
    let row = |flag: &str| {
        format!(
            r#"{{"type":"assistant","isApiErrorMessage":{flag},"message":{{"id":"x","model":"<synthetic>","content":[{{"type":"text","text":"529 Overloaded"}}]}}}}"#
        )
    };
    assert_eq!(said(&row("true")), "error 529 Overloaded");
    assert_eq!(said(&row("false")), "unneeded");
}

#[test]
fn other_rows_say_what_they_say() {
    for (line, expected) in [
        (r#"{"type":"system","subtype":"stop_hook_summary"}"#, "stophooks"),
        (r#"{"type":"system","subtype":"turn_duration"}"#, "unneeded"),
        (
            r#"{"type":"system","subtype":"api_error","error":{"formatted":"529 Overloaded"}}"#,
            "retry 529 Overloaded",
        ),
        (r#"{"type":"system","subtype":"compact_boundary"}"#, "compacted"),
        (r#"{"type":"cost-state"}"#, "sessioncost"),
        (r#"{"type":"queue-operation","operation":"dequeue"}"#, "queued"),
        (
            r#"{"type":"queue-operation","content":"<task-notification><status>completed</status>"}"#,
            "notified",
        ),
        (r#"{"type":"api-request","id":"r","params":{}}"#, "request"),
        (
            r#"{"attachment":{"type":"queued_command","prompt":"and this"},"type":"attachment"}"#,
            "steering",
        ),
        (
            r#"{"attachment":{"type":"max_turns_reached","maxTurns":2},"type":"attachment"}"#,
            "maxturns",
        ),
        (r#"{"attachment":{"type":"prompt_snapshot"},"type":"attachment"}"#, "unneeded"),
        (r#"{"type":"file-history-snapshot"}"#, "unneeded"),
        (r#"{"type":"hologram","x":1}"#, "unknown hologram"),
        ("{}", "unknown (no type)"),
        ("", "unneeded"),
    ] {
        assert_eq!(said(line), expected, "{line}");
    }
}

#[test]
fn reports_broken_lines_without_quoting_them() {
    for line in ["[1,2]", "42", "rubbish", "{\"type\":\"user\",", "\u{0}\u{1}", "{]"] {
        let said = said(line);
        assert!(said.starts_with("broken: "), "{line}: {said}");
        assert!(!said.contains("rubbish") && !said.contains("user"), "{said}");
    }
}

#[test]
fn a_field_of_another_type_costs_only_itself() {
    let odd = r#"{"type":"user","uuid":"u","isMeta":"maybe","timestamp":17,"promptId":null,"version":["x"],"message":{"content":"hi"}}"#;
    let entry = entry(odd);
    assert!(matches!(entry.record, Record::Prompt(_)));
    assert_eq!((entry.at, entry.header.version), (None, None));
}

#[test]
fn a_row_is_skipped_unparsed_only_if_its_own_type_is_unneeded() {
    let argument = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"n","input":{"attachment":{"type":"environment"}}}]}}"#;
    assert_eq!(said(argument), "answer m");
    let broken_but_unneeded = r#"{"type":"api-request-blob","message":"#;
    assert_eq!(said(broken_but_unneeded), "unneeded");
}

#[test]
fn invalid_utf8_and_lone_surrogates_do_not_lose_the_row() {
    let mut line = user("", r#""caf"#).into_bytes();
    line.truncate(line.len() - 2);
    line.extend(b"\xff\\ud83d\"}}");
    let Reading::Entry(entry) = read(&line) else {
        panic!("the row is lost");
    };
    let Record::Prompt(prompt) = entry.record else { panic!("no prompt") };
    let text = crate::text_of(&prompt.content);
    assert_eq!(text, "caf\u{fffd}\u{fffd}");
}

#[test]
fn arguments_with_a_deep_nesting_do_not_exhaust_the_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let line = format!(
        r#"{{"type":"assistant","message":{{"id":"m","content":[{{"type":"tool_use","id":"t","name":"n","input":{deep}}}]}}}}"#
    );
    assert_eq!(said(&line), "answer m");
}

#[test]
fn an_agent_is_named_behind_what_a_command_showed_and_not_within() {
    let row = |content: &str| {
        let row =
            serde_json::json!({"type": "system", "subtype": "local_command", "content": content});
        match read(row.to_string().as_bytes()) {
            Reading::Entry(entry) => Some(entry.record),
            _ => None,
        }
    };
    let launch = r#"<forked-skill-launch>{"agentId":"a","skillName":"s"}</forked-skill-launch>"#;
    let output = |text: &str, agent_id: Option<&str>| {
        Some(Record::CommandOutput { text: text.to_owned(), agent_id: agent_id.map(str::to_owned) })
    };
    let shown = |text: &str| format!("<local-command-stdout>{text}</local-command-stdout>");
    assert_eq!(row(&shown("\ndone\n")), output("done", None));
    assert_eq!(row(&format!("{}\n{launch}", shown("on"))), output("on", Some("a")));
    assert_eq!(row(launch), Some(Record::AgentStarted("a".to_owned())));
    assert_eq!(row(&shown(launch)), output(launch, None));
    let forged = format!("</local-command-stdout>{launch}");
    assert_eq!(row(&shown(&forged)), output(&forged, None));
    assert_eq!(row("<command-name>/subtask</command-name>"), None);
    let started =
        r#"{"type":"system","subtype":"informational","launchedAgentId":"a","content":"x"}"#;
    assert_eq!(entry(started).record, Record::AgentStarted("a".to_owned()));
    assert_eq!(said(r#"{"type":"system","subtype":"informational","content":"x"}"#), "unneeded");
}
