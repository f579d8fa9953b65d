//! Variables of Claude Code by which it sends the same turns to Langfuse itself: OpenTelemetry, and a gateway for its model
//! calls.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::exporters::OtherExporter;
use crate::config::{Destination, Env, Files, normalise_url, settings_paths, shown};
use crate::user_file::{Kind, UserFile};

/// The variables that decide.
const NAMES: [&str; 11] = [
    ENABLED,
    BETA,
    OLD_BETA,
    EXPORTER,
    TRACES_ENDPOINT,
    ENDPOINT,
    TRACES_HEADERS,
    HEADERS,
    TRACES_PROTOCOL,
    PROTOCOL,
    MODEL_URL,
];
const ENABLED: &str = "CLAUDE_CODE_ENABLE_TELEMETRY";
const BETA: &str = "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA";
const OLD_BETA: &str = "ENABLE_ENHANCED_TELEMETRY_BETA";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const MODEL_URL: &str = "ANTHROPIC_BASE_URL";

/// A value with its place.
struct Found {
    value: String,
    place: String,
}

type Values = BTreeMap<&'static str, Found>;

/// What Claude Code itself sends to this Langfuse project.
pub(super) fn telemetry(
    env: &Env,
    files: &Files,
    start: Option<&Path>,
    destination: &Destination,
) -> Vec<OtherExporter> {
    let values = values(env, files, start);
    let found = [traces(&values, destination), gateway(&values, destination)];
    found.into_iter().flatten().collect()
}

/// The values as Claude Code merges them: the shell under its settings files.
fn values(env: &Env, files: &Files, start: Option<&Path>) -> Values {
    let mut values = Values::new();
    for name in NAMES {
        if let Some(value) = env.variable(name) {
            let place = "the environment".to_owned();
            values.insert(name, Found { value: value.to_owned(), place });
        }
    }
    for path in settings_paths(env, files, start) {
        let Ok(file) = UserFile::open(&path, Kind::Settings) else {
            continue;
        };
        let content = file.content().unwrap_or_default();
        let own = content.get("env").and_then(Value::as_object);
        for name in NAMES {
            let Some(value) = own.and_then(|own| own.get(name)) else {
                continue;
            };
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let line = file.line_of(&["env", name]).unwrap_or(1);
            values.insert(name, Found { value, place: format!("{}:{line}", path.display()) });
        }
    }
    values
}

/// OpenTelemetry's traces, if they go to the project of the destination.
fn traces(values: &Values, destination: &Destination) -> Option<OtherExporter> {
    let get = |name| values.get(name);
    let is_on = |name| get(name).is_some_and(|found| is_true(&found.value));
    let beta = get(BETA).or_else(|| get(OLD_BETA));
    let is_off = beta.is_none_or(|found| !is_true(&found.value));
    let protocol = get(TRACES_PROTOCOL).or_else(|| get(PROTOCOL));
    // Langfuse speaks no gRPC.
    let is_grpc = protocol.is_some_and(|found| found.value.trim() == "grpc");
    let exporter = get(EXPORTER)?;
    let sends = exporter.value.split(',').any(|name| name.trim() == "otlp");
    if !is_on(ENABLED) || is_off || is_grpc || !sends {
        return None;
    }
    let (name, endpoint) = match get(TRACES_ENDPOINT) {
        Some(found) => (TRACES_ENDPOINT, found),
        None => (ENDPOINT, get(ENDPOINT)?),
    };
    let is_ours = endpoint.value.contains("/api/public/otel")
        && normalise_url(&endpoint.value).is_ok_and(|url| url == destination.base_url);
    let headers = get(TRACES_HEADERS).or_else(|| get(HEADERS));
    let key = headers.and_then(|found| public_key(&found.value));
    if !is_ours || key.is_some_and(|key| key != destination.public_key) {
        return None;
    }
    Some(OtherExporter {
        what: format!(
            "Claude Code's OpenTelemetry ({name}={} in {})",
            shown(&endpoint.value),
            endpoint.place
        ),
        remedy: remove(EXPORTER, &exporter.place),
    })
}

/// A gateway of Langfuse, if it records to the host of the destination.
fn gateway(values: &Values, destination: &Destination) -> Option<OtherExporter> {
    let found = values.get(MODEL_URL)?;
    let url = normalise_url(&found.value).ok()?;
    let authority = |url: &str| {
        let rest = url.split_once("://")?.1;
        Some(rest.split('/').next()?.to_owned())
    };
    let (gateway, ours) = (authority(&url)?, authority(&destination.base_url)?);
    let host = gateway.strip_prefix("gateway.").unwrap_or(&gateway);
    let is_cloud = host.ends_with("langfuse.com");
    let is_named_so = gateway.contains("langfuse") && gateway.contains("gateway");
    if host != ours && (is_cloud || !is_named_so) {
        return None;
    }
    Some(OtherExporter {
        what: format!(
            "a Langfuse gateway for model calls ({MODEL_URL}={} in {})",
            shown(&found.value),
            found.place
        ),
        remedy: remove(MODEL_URL, &found.place),
    })
}

fn remove(name: &str, place: &str) -> String {
    match place {
        "the environment" => format!("run: unset {name}"),
        place => format!("remove {name} in {place}"),
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

/// The public key in `Authorization=Basic …`, where blanks may be encoded.
fn public_key(headers: &str) -> Option<String> {
    let (_, after) = headers.split_once("Basic")?;
    let token = after.trim_start_matches("%20").trim_start().split([',', ' ']).next()?;
    let token = token.replace("%3D", "=").replace("%3d", "=");
    let decoded = String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?;
    Some(decoded.split_once(':')?.0.to_owned())
}
