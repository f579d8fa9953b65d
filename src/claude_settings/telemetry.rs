//! Variables with which Claude Code itself sends turns to Langfuse: OpenTelemetry, and a gateway for its model calls.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::exporters::OtherExporter;
use crate::config::{Destination, Env, Files, is_on, normalise_url, settings_paths, shown};
use crate::user_file::{Kind, UserFile};

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

/// The values that Claude Code merges: the shell under its settings files.
struct Values<'a> {
    env: &'a Env,
    /// Weakest first.
    settings: Vec<(UserFile, Map<String, Value>)>,
}

impl<'a> Values<'a> {
    fn read(env: &'a Env, files: &Files, start: Option<&Path>) -> Self {
        let read = |path: PathBuf| {
            let file = UserFile::open(&path, Kind::Settings).ok()?;
            let content = file.content().unwrap_or_default();
            Some((file, content))
        };
        let paths = settings_paths(env, files, start).into_iter();
        Self { env, settings: paths.filter_map(read).collect() }
    }

    fn get(&self, name: &str) -> Option<Found> {
        let in_file = |(file, content): &(UserFile, Map<String, Value>)| {
            let value = content.get("env")?.get(name)?;
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let line = file.line_of(&["env", name]).unwrap_or(1);
            Some(Found { value, place: format!("{}:{line}", file.path().display()) })
        };
        let in_shell = || {
            let value = self.env.variable(name)?.to_owned();
            Some(Found { value, place: "the environment".to_owned() })
        };
        self.settings.iter().rev().find_map(in_file).or_else(in_shell)
    }
}

/// The exports of Claude Code itself to this Langfuse project.
pub(super) fn telemetry(
    env: &Env,
    files: &Files,
    start: Option<&Path>,
    destination: &Destination,
) -> Vec<OtherExporter> {
    let values = Values::read(env, files, start);
    let found = [traces(&values, destination), gateway(&values, destination)];
    found.into_iter().flatten().collect()
}

/// OpenTelemetry's traces, if they go to the project of the destination.
fn traces(values: &Values<'_>, destination: &Destination) -> Option<OtherExporter> {
    let get = |name| values.get(name);
    let is_true = |found: Option<Found>| found.is_some_and(|found| is_on(found.value.trim()));
    let is_off = !is_true(get(ENABLED)) || !is_true(get(BETA).or_else(|| get(OLD_BETA)));
    let protocol = get(TRACES_PROTOCOL).or_else(|| get(PROTOCOL));
    // Langfuse has no gRPC endpoint.
    let is_grpc = protocol.is_some_and(|found| found.value.trim() == "grpc");
    let exporter = get(EXPORTER)?;
    let sends = exporter.value.split(',').any(|name| name.trim() == "otlp");
    if is_off || is_grpc || !sends {
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
fn gateway(values: &Values<'_>, destination: &Destination) -> Option<OtherExporter> {
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

/// The public key in `Authorization=Basic …`, where blanks may be encoded.
fn public_key(headers: &str) -> Option<String> {
    let (_, after) = headers.split_once("Basic")?;
    let token = after.trim_start_matches("%20").trim_start().split([',', ' ']).next()?;
    let token = token.replace("%3D", "=").replace("%3d", "=");
    let decoded = String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?;
    Some(decoded.split_once(':')?.0.to_owned())
}
