//! Ids are functions of the transcript alone, so that a span that is sent again replaces itself.

use std::fmt;

use base::sha256::hex;
use serde::{Deserialize, Serialize};

/// 32 lower-case hex digits, the same as `create_trace_id(seed=…)` of the Langfuse SDKs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceId(String);

/// 16 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SpanId(String);

/// Hex digits derived from some content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

/// Ids from a file go to the server unchanged.
impl TryFrom<String> for TraceId {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        is_hex(&id, 32).then_some(Self(id)).ok_or("a trace id has 32 hex digits")
    }
}

impl TryFrom<String> for SpanId {
    type Error = &'static str;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        // The mark of a span whose id two turns have also names the turn.
        let digits = id.split('/').next().unwrap_or_default();
        is_hex(digits, 16).then_some(Self(id)).ok_or("a span id has 16 hex digits")
    }
}

fn is_hex(id: &str, digits: usize) -> bool {
    id.len() == digits && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl TraceId {
    pub fn of_seed(seed: &str) -> Self {
        Self(hex(seed.as_bytes(), 16))
    }

    /// A foreign trace.
    pub fn given(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SpanId {
    /// A foreign span.
    pub fn given(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes the span ids of one trace.
#[derive(Clone, Debug)]
pub struct SpanIds {
    trace_id: TraceId,
    /// The trace id is made from the uuid of its opening row.
    is_own_trace: bool,
}

impl SpanIds {
    /// `opening`: the uuid of the row that opened the turn. If the trace id is not made from it, span ids include the
    /// trace id: Langfuse 3 keys observations by their ids alone, and a seed may send a turn to two traces.
    pub fn of(trace_id: &TraceId, opening: &str) -> Self {
        Self { trace_id: trace_id.clone(), is_own_trace: *trace_id == TraceId::of_seed(opening) }
    }

    /// The ids in a turn's own trace.
    pub fn of_turn(opening: &str) -> Self {
        Self { trace_id: TraceId::of_seed(opening), is_own_trace: true }
    }

    pub fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    fn id(&self, kind: &str, key: &str) -> SpanId {
        let seed = match self.is_own_trace {
            true => format!("{kind}:{key}"),
            false => format!("{kind}:{}/{key}", self.trace_id.0),
        };
        SpanId(hex(seed.as_bytes(), 8))
    }

    /// The root of a turn, by the uuid of its opening row.
    pub fn turn(&self, uuid: &str) -> SpanId {
        self.id("turn", uuid)
    }

    /// A model call, by its key.
    pub fn generation(&self, key: &str) -> SpanId {
        self.id("generation", key)
    }

    /// A tool, by its key.
    pub fn tool(&self, key: &str) -> SpanId {
        self.id("tool", key)
    }

    /// An agent, by its id.
    pub fn agent(&self, agent_id: &str) -> SpanId {
        self.id("agent", agent_id)
    }

    /// An event, by its row's uuid.
    pub fn event(&self, uuid: &str) -> SpanId {
        self.id("event", uuid)
    }

    /// A compaction, by the uuid of its boundary row.
    pub fn compaction(&self, uuid: &str) -> SpanId {
        self.id("compaction", uuid)
    }

    /// A workflow, by its run id.
    pub fn workflow(&self, run_id: &str) -> SpanId {
        self.id("workflow", run_id)
    }
}

/// Detects a change of content. Not SHA-256, which took a sixth of a hook's instructions on processors without
/// support for it: a hook digests the whole content of its turn.
pub fn digest(content: &[u8]) -> Digest {
    Digest(format!("{:016x}", hash(content)))
}

/// A digest that does not reveal short content.
pub fn private_digest(content: &[u8]) -> Digest {
    Digest(hex(content, 16))
}

/// State files hold such hashes, so the function must not change.
pub fn hash(content: &[u8]) -> u64 {
    let (words, rest) = content.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    let sum = words.iter().chain([&last]).fold(content.len() as u64, |sum, word| {
        (sum.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    sum ^ sum >> 32
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{SpanId, SpanIds, TraceId, digest};

    #[test]
    fn a_trace_id_is_the_one_that_the_langfuse_sdks_make_of_the_seed() {
        // Seen on the wire of the official plugin.
        let seed = "session-tool:user-tool-1";
        assert_eq!(TraceId::of_seed(seed).as_str(), "d63d588287aafd6658790cd877683eab");
    }

    #[test]
    fn a_digest_changes_with_every_byte_and_with_the_length() {
        let content = b"one turn, and its content";
        let mut seen = BTreeSet::from([digest(content).to_string()]);
        for at in 0..content.len() {
            let mut other = content.to_vec();
            other[at] ^= 1;
            assert!(seen.insert(digest(&other).to_string()), "{at}");
            assert!(seen.insert(digest(&content[..at]).to_string()), "{at}");
        }
        assert!(seen.insert(digest(&[content.as_slice(), b"\0"].concat()).to_string()));
        assert!(seen.iter().all(|digest| digest.len() == 16));
    }

    #[test]
    fn kinds_do_not_share_ids() {
        let ids = SpanIds::of_turn("u");
        assert_ne!(ids.tool("x"), ids.generation("x"));
        assert_eq!(ids.tool("x").as_str().len(), 16);
    }

    #[test]
    fn rejects_invalid_ids_in_state() {
        let trace = TraceId::of_seed("a");
        let text = serde_json::to_string(&trace).unwrap();
        assert_eq!(serde_json::from_str::<TraceId>(&text).unwrap(), trace);
        for text in ["", "../../x", &"A".repeat(32), &"a".repeat(31), &"a".repeat(16)] {
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<TraceId>(&json).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<SpanId>("\"0123456789abcde\"").is_err());
    }

    #[test]
    fn ids_hold_the_trace_where_it_is_not_made_from_the_opening_row() {
        let own = SpanIds::of(&TraceId::of_seed("u"), "u");
        assert_eq!(own.tool("x").as_str(), base::sha256::hex(b"tool:x", 8));
        let seeded = TraceId::of_seed("seed:1");
        let seed = format!("tool:{}/x", seeded.as_str());
        let expected = base::sha256::hex(seed.as_bytes(), 8);
        assert_eq!(SpanIds::of(&seeded, "u").tool("x").as_str(), expected);
    }
}
