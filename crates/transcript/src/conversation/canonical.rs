//! The hash of a message as Claude Code computes it: SHA-256 of its JSON with sorted keys, without cache marks.

use base::sha256::hex;
use serde_json::value::RawValue;

use super::rows::{Fields, items};

/// No release writes deeper values.
const MAX_DEPTH: usize = 128;

/// A message being built: one role, and the blocks of its rows so far.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    canonical: String,
}

impl Blocks {
    /// Adds the blocks of a row's content. Returns `None` if the content has another shape.
    pub(super) fn add(&mut self, raw: &RawValue) -> Option<()> {
        let content = raw.get();
        if content.starts_with('"') {
            self.separate();
            self.canonical.push_str("{\"text\":");
            text(content, &mut self.canonical);
            self.canonical.push_str(",\"type\":\"text\"}");
            return Some(());
        }
        for block in items(raw)? {
            self.separate();
            write(block, &mut self.canonical, 0)?;
        }
        Some(())
    }

    /// The hash of the message with the blocks so far.
    pub(super) fn hash(&self, role: &str) -> String {
        let message = format!("{{\"content\":[{}],\"role\":\"{role}\"}}", self.canonical);
        hex(message.as_bytes(), 32)
    }

    fn separate(&mut self) {
        if !self.canonical.is_empty() {
            self.canonical.push(',');
        }
    }
}

/// Numbers stay as written: the same program wrote them.
fn write(raw: &RawValue, out: &mut String, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    let json = raw.get();
    if json.starts_with('{') {
        let fields = Fields::read(json)?;
        out.push('{');
        let fields = fields.each().filter(|(name, _)| *name != "cache_control");
        for (count, (name, value)) in fields.enumerate() {
            if count > 0 {
                out.push(',');
            }
            out.push_str(&serde_json::to_string(name).ok()?);
            out.push(':');
            write(value, out, depth + 1)?;
        }
        out.push('}');
    } else if json.starts_with('[') {
        out.push('[');
        for (count, item) in items(raw)?.into_iter().enumerate() {
            if count > 0 {
                out.push(',');
            }
            write(item, out, depth + 1)?;
        }
        out.push(']');
    } else {
        text(json, out);
    }
    Some(())
}

/// A text without unneeded escapes. A text with a lone surrogate stays as it is: only an escape can express it.
fn text(json: &str, out: &mut String) {
    let read: Option<String> = serde_json::from_str(json).ok();
    match read.and_then(|text| serde_json::to_string(&text).ok()) {
        Some(text) => out.push_str(&text),
        None => out.push_str(json),
    }
}
