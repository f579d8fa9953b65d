//! Messages of the Messages API, as rows have them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::tolerant::{self, Tolerant};

/// `message` of a user or assistant row.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    pub id: Tolerant<String>,
    pub model: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub content: Option<&'a RawValue>,
    pub stop_reason: Tolerant<String>,
    #[serde(deserialize_with = "tolerant::object")]
    pub usage: Option<Usage>,
}

/// Tokens of a message. `input_tokens` excludes both cache kinds; error rows have null for several of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    #[serde(deserialize_with = "tolerant::count")]
    pub input_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::count")]
    pub output_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::count")]
    pub cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::count")]
    pub cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::object")]
    pub cache_creation: Option<CacheCreation>,
    #[serde(deserialize_with = "tolerant::object")]
    pub output_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "tolerant::object")]
    pub server_tool_use: Option<ServerToolUse>,
    pub service_tier: Tolerant<String>,
    pub speed: Tolerant<String>,
    /// The parts of an answer by several models.
    pub iterations: Tolerant<Vec<Usage>>,
    /// Of an iteration.
    #[serde(rename = "type")]
    pub kind: Tolerant<String>,
    /// Of an iteration.
    pub model: Tolerant<String>,
}

/// Cache writes by lifetime.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CacheCreation {
    #[serde(deserialize_with = "tolerant::count")]
    pub ephemeral_5m_input_tokens: Option<u64>,
    #[serde(deserialize_with = "tolerant::count")]
    pub ephemeral_1h_input_tokens: Option<u64>,
}

/// Parts of the output tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutputDetails {
    #[serde(deserialize_with = "tolerant::count")]
    pub thinking_tokens: Option<u64>,
}

/// Tools that the API ran itself; each use has its price.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServerToolUse {
    #[serde(deserialize_with = "tolerant::count")]
    pub web_search_requests: Option<u64>,
    #[serde(deserialize_with = "tolerant::count")]
    pub web_fetch_requests: Option<u64>,
}

/// One content block of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block<'a> {
    #[serde(rename = "type")]
    pub kind: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub text: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub thinking: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub data: Option<&'a RawValue>,
    pub id: Tolerant<String>,
    pub name: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub input: Option<&'a RawValue>,
    pub tool_use_id: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub content: Option<&'a RawValue>,
    pub is_error: Tolerant<bool>,
    #[serde(borrow, deserialize_with = "tolerant::object")]
    pub source: Option<Source<'a>>,
}

/// The source of an image or a document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Source<'a> {
    #[serde(rename = "type")]
    pub kind: Tolerant<String>,
    pub media_type: Tolerant<String>,
    #[serde(borrow, deserialize_with = "tolerant::raw")]
    pub data: Option<&'a RawValue>,
    pub url: Tolerant<String>,
}
