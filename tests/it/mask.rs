//! No secret leaves: the table of samples row by row, in any place; sessions with secrets in every field, in any capture mode
//! and split; and the fields that each capture mode keeps.

mod arguments;
mod capture;
mod conformance;
mod leaving;
mod other_ways;
mod own_patterns;
pub(crate) mod table;

use base::Timestamp;
use claude_langfuse::config::{Config, Env, Files, Scope, resolve};
use claude_langfuse::privacy::Policy;
use claude_langfuse::trace::{Content, Observation, SpanId, SpanName, TraceId};
use serde_json::Value;

/// The policy of a configuration that sets these variables.
fn policy(variables: &[(&str, &str)]) -> Policy {
    Policy::from(&config(variables))
}

fn config(variables: &[(&str, &str)]) -> Config {
    let named = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let env =
        Env { environment: named.collect(), home: Some("/home/dev".into()), ..Env::default() };
    resolve(&env, &Files::new(), None, Scope::OwnHook)
}

/// An observation with fields to fill.
fn observation() -> Observation {
    let at = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
    Observation::new(SpanName::CHAT, &TraceId::of_seed("a turn"), SpanId::given("a turn"), None, at)
}

/// A text after the policy was applied to it as an output.
fn applied(policy: &Policy, text: &str) -> String {
    match applied_to(policy, Content::Text(text.to_owned())) {
        Content::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// A structured value after the policy was applied to it as an input.
fn applied_to_value(policy: &Policy, value: &Value) -> Value {
    match applied_to(policy, Content::Json(value.clone())) {
        Content::Json(value) => value,
        other => panic!("{other:?}"),
    }
}

fn applied_to(policy: &Policy, content: Content) -> Content {
    let mut observation = observation();
    observation.output = Some(content);
    policy.apply(&mut observation);
    observation.output.unwrap()
}
