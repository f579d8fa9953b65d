//! Content blocks of messages, strict. The bytes of images and documents are counted here and then dropped.

use std::rc::Rc;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_text::Characters;
use super::row_budget::RowBudget;
use super::rows;
use super::{GitOperation, MediaSource, characters};

/// One block of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Text of a person, of the model or of the CLI.
    Text(String),
    /// Thinking; empty when the model was asked to omit it.
    Thinking(String),
    /// Thinking that only the model can read.
    RedactedThinking {
        /// Length of its encrypted form, in characters.
        size: usize,
    },
    /// A tool call by the model. Shared by the answer and the call.
    ToolUse(Rc<ToolUse>),
    /// A tool's result. Boxed: it is large, and rare among the blocks.
    ToolResult(Box<ToolResult>),
    /// An image or a document.
    Media(Media),
    /// A block of an unknown kind.
    Other(Value),
}

impl Block {
    /// The result of a tool that the API ran itself. An answer may end with it.
    pub(crate) fn is_server_tool_result(&self) -> bool {
        let Self::Other(block) = self else { return false };
        let kind = block.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.ends_with("_tool_result"))
    }
}

/// A tool that the model asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolUse {
    /// `tool_use.id`; empty if the provider gave none.
    pub id: String,
    /// The tool's name; `mcp__server__tool` for MCP.
    pub name: String,
    /// Its arguments.
    pub input: Value,
}

/// The answer of a tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// The `tool_use.id` of the answered call.
    pub tool_use_id: String,
    /// The blocks sent to the model.
    pub content: Vec<Block>,
    /// `is_error`; absent counts as success.
    pub is_error: bool,
    /// The agent that the call launched, if the row names one.
    pub agent_id: Option<String>,
    /// The background task that the call launched.
    pub background_task: Option<String>,
    /// The workflow run that the call launched.
    pub workflow: Option<String>,
    /// The name of that workflow.
    pub workflow_name: Option<String>,
    /// `toolUseResult.status`, e.g. `completed` or `async_launched`.
    pub status: Option<String>,
    /// The launched agent runs in the background.
    pub is_async: bool,
    /// The result is the turn's answer (structured output).
    pub ends_turn: bool,
    /// The reason for a denial: `permission-rule`, `user-rejected`.
    pub denial: Option<String>,
    /// It was denied before it ran. A tool that was stopped while running is denied too.
    pub denied_before_run: bool,
    /// The decision that allowed the tool, with its source.
    pub permission: Option<(String, String)>,
    /// The file with the whole of an output that was too large for the model.
    pub saved_to: Option<String>,
    /// Its size in bytes.
    pub saved_size: Option<u64>,
    /// The structured content of an MCP server's result, beside its text.
    pub structured: Option<Value>,
    /// The lines that the tool changed in an existing file.
    pub patch: Option<Patch>,
    /// These lines as a unified diff without file names; `None` if there are none.
    pub diff: Option<String>,
    /// The commit, push or pull request of the command.
    pub git: Option<Box<GitOperation>>,
}

/// Numbers of lines that an edit changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Added lines.
    pub added: u64,
    /// Removed lines.
    pub removed: u64,
}

impl Patch {
    /// Counts the changed lines of hunks.
    pub(super) fn of(hunks: &[rows::Hunk]) -> Self {
        let lines = || hunks.iter().filter_map(|hunk| hunk.lines.as_ref()).flatten();
        let count = |mark: char| lines().filter(|line| line.starts_with(mark)).count() as u64;
        Self { added: count('+'), removed: count('-') }
    }
}

/// The hunks of a patch as text.
pub(super) fn diff(hunks: &[rows::Hunk]) -> Option<String> {
    let mut diff = String::new();
    for hunk in hunks {
        let count = |number: Option<u64>| number.unwrap_or(0);
        let old = (count(hunk.old_start.0), count(hunk.old_lines.0));
        let new = (count(hunk.new_start.0), count(hunk.new_lines.0));
        diff.push_str(&format!("@@ -{},{} +{},{} @@\n", old.0, old.1, new.0, new.1));
        for line in hunk.lines.iter().flatten() {
            diff.push_str(line);
            diff.push('\n');
        }
    }
    (!diff.is_empty()).then_some(diff)
}

impl ToolResult {
    /// Since 2.1.50 the rows of agents have no `toolUseResult`: only the text shows that a nested agent continues in
    /// the background.
    pub(super) fn announces_launch(&self) -> bool {
        let first = self.content.first().and_then(as_text);
        first.is_some_and(|text| text.starts_with("Async agent launched successfully"))
    }
}

/// An image or a document without its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// `image` or `document`.
    pub kind: String,
    /// e.g. `image/png`.
    pub media_type: String,
    /// Size in bytes, decoded; `None` for a reference.
    pub size: Option<usize>,
    /// The reference, if the data is not inline.
    pub url: Option<String>,
    /// Its bytes, if they are wanted and Langfuse accepts them.
    pub source: Option<MediaSource>,
}

/// The blocks of a `content` field, which is a string or a list. A block without its required fields is kept
/// unchanged.
pub(super) fn blocks(content: Option<&RawValue>, room: &RowBudget) -> Vec<Block> {
    let Some(content) = content.map(RawValue::get) else {
        return Vec::new();
    };
    if let Some(text) = room.text(content) {
        return vec![Block::Text(text)];
    }
    let read = |list| serde_json::Deserializer::from_str(content).deserialize_any(list);
    // Nearly always all blocks are known. Then they are read once, without a copy of their text.
    room.attempt(|| read(List { room, known_only: true }))
        .or_else(|_| room.attempt(|| read(List { room, known_only: false })))
        .unwrap_or_else(|_| vec![Block::Other(room.tree(content))])
}

/// Reads a list of blocks.
struct List<'a> {
    room: &'a RowBudget,
    /// An unknown block is an error.
    known_only: bool,
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<Block>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Block>, A::Error> {
        let mut blocks = Vec::new();
        loop {
            let block = if self.known_only {
                let unknown = || A::Error::custom("a block that is not known");
                let block = list.next_element()?;
                block.map(|block| known(block, self.room).ok_or_else(unknown)).transpose()?
            } else {
                list.next_element()?.map(|raw| any(raw, self.room))
            };
            let Some(block) = block else {
                return Ok(blocks);
            };
            if self.room.take(size_of::<Block>()) {
                blocks.push(block);
            }
        }
    }
}

/// A value as a tree, or as its text if it is nested deeper than 128 levels, the limit of serde_json.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn any(raw: &RawValue, room: &RowBudget) -> Block {
    let read = serde_json::from_str::<rows::Block>(raw.get()).ok();
    read.and_then(|block| known(block, room)).unwrap_or_else(|| Block::Other(room.tree(raw.get())))
}

/// A block of a known kind that has its required fields.
fn known(block: rows::Block<'_>, room: &RowBudget) -> Option<Block> {
    let text = |text: Option<&RawValue>| room.text(text?.get());
    match block.kind.as_deref() {
        Some("text") => text(block.text).map(Block::Text),
        Some("thinking") => text(block.thinking).map(Block::Thinking),
        Some("redacted_thinking") => Some(Block::RedactedThinking {
            size: measured(block.data, |data| data.chars().count()).unwrap_or(0),
        }),
        Some("tool_use") => block.name.0.map(|name| {
            let input = block.input.map_or(Value::Null, |input| room.tree(input.get()));
            Block::ToolUse(Rc::new(ToolUse { id: block.id.0.unwrap_or_default(), name, input }))
        }),
        Some("tool_result") => Some(Block::ToolResult(Box::new(ToolResult {
            tool_use_id: block.tool_use_id.0.unwrap_or_default(),
            content: blocks(block.content, room),
            is_error: block.is_error.unwrap_or(false),
            ..ToolResult::default()
        }))),
        Some(kind @ ("image" | "document")) => {
            block.source.map(|source| Block::Media(media(kind, source, room)))
        }
        _ => None,
    }
}

fn media(kind: &str, source: rows::Source<'_>, room: &RowBudget) -> Media {
    let bytes = || {
        let row = room.media_row.filter(|_| source.kind.as_deref() == Some("base64"))?;
        let data = Characters::of(source.data?.get())?.text();
        MediaSource::of(source.media_type.as_deref()?, &data, row)
    };
    let bytes = bytes();
    let size = match source.kind.as_deref() {
        Some("text") => str::len,
        _ => decoded_size,
    };
    Media {
        kind: kind.to_owned(),
        size: measured(source.data, size),
        media_type: source.media_type.0.or(source.kind.0).unwrap_or_else(|| "unknown".to_owned()),
        url: source.url.0,
        source: bytes,
    }
}

/// The measure of a text that is dropped.
fn measured(text: Option<&RawValue>, measure: fn(&str) -> usize) -> Option<usize> {
    Some(measure(&Characters::of(text?.get())?.text()))
}

/// The number of bytes that a base64 text decodes to.
pub fn decoded_size(base64: &str) -> usize {
    characters(base64.trim_end_matches('=')) * 3 / 4
}

/// The text blocks, one after the other.
pub fn text_of(blocks: &[Block]) -> String {
    let texts: Vec<&str> = blocks.iter().filter_map(as_text).collect();
    texts.join("\n")
}

/// The text of a text block.
pub(crate) fn as_text(block: &Block) -> Option<&str> {
    match block {
        Block::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{Block, Media, RowBudget, blocks};

    fn read(content: &str) -> Vec<Block> {
        let content = RawValue::from_string(content.to_owned()).unwrap();
        blocks(Some(&content), &RowBudget::for_texts_of(100))
    }

    #[test]
    fn a_string_and_a_list_of_blocks_are_both_content() {
        assert_eq!(read("\"hi\""), [Block::Text("hi".into())]);
        assert_eq!(read(r#"[{"type":"text","text":"hi"}]"#), [Block::Text("hi".into())]);
        assert_eq!(read("[]"), []);
    }

    #[test]
    fn an_image_is_its_type_and_size() {
        let image = r#"[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAECAw=="}}]"#;
        let expected = Media {
            kind: "image".into(),
            media_type: "image/png".into(),
            size: Some(4),
            url: None,
            source: None,
        };
        assert_eq!(read(image), [Block::Media(expected)]);
    }

    #[test]
    fn a_document_is_its_type_and_size_whether_it_is_text_or_not() {
        let size = |source: &str| {
            let document = format!(r#"[{{"type":"document","source":{source}}}]"#);
            match read(&document).pop() {
                Some(Block::Media(media)) => (media.media_type, media.size, media.url),
                other => panic!("{other:?}"),
            }
        };
        let pdf = r#"{"type":"base64","media_type":"application/pdf","data":"AAECAw=="}"#;
        assert_eq!(size(pdf), ("application/pdf".into(), Some(4), None));
        let text = r#"{"type":"text","media_type":"text/plain","data":"eight \u00fc"}"#;
        assert_eq!(size(text), ("text/plain".into(), Some(8), None));
        let url = r#"{"type":"url","url":"https://example.com/a.pdf"}"#;
        let reference = Some("https://example.com/a.pdf".into());
        assert_eq!(size(url), ("url".into(), None, reference));
    }

    #[test]
    fn a_block_of_an_unknown_kind_or_without_required_fields_is_kept_as_it_is() {
        for unknown in [r#"{"type":"hologram","x":1}"#, r#"{"type":"tool_use"}"#, "3", "null"] {
            let expected = serde_json::from_str(unknown).unwrap();
            assert_eq!(read(&format!("[{unknown}]")), [Block::Other(expected)], "{unknown}");
        }
    }

    #[test]
    fn arguments_nested_too_deep_for_a_tree_are_kept_as_text() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        let tool = format!(r#"[{{"type":"tool_use","id":"t","name":"n","input":{deep}}}]"#);
        let blocks = read(&tool);
        let Some(Block::ToolUse(tool)) = blocks.first() else { panic!("no tool: {blocks:?}") };
        assert_eq!(tool.input, serde_json::Value::String(deep));
    }
}
