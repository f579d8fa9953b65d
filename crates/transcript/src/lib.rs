//! What Claude Code wrote: bytes → rows → what each row says, for every release from 1.0.128 on.

#![forbid(unsafe_code)]

mod about;
mod branch;
mod classify;
mod content;
pub mod conversation;
mod entry;
mod excerpt;
mod head;
mod hook_times;
mod identity;
mod json_text;
mod lenient;
mod lines;
pub mod locate;
mod reader;
mod room;
mod rows;
pub mod session;
pub mod settle;
mod workflow;

pub use about::{About, Reckoning, last_activity};
pub use branch::branch_point;
pub(crate) use classify::shown_by_command;
pub(crate) use content::json as as_json;
pub use content::{Block, Media, Patch, ToolResult, ToolUse, as_text, decoded_size, text_of};
pub use entry::{
    Answer, ApiError, Boundary, Entry, Header, Notification, Prompt, Record, Request, Usage,
};
pub use excerpt::{Excerpt, characters, excerpt};
pub use hook_times::{HookTime, hook_times};
pub use identity::FileMark;
pub(crate) use lines::{Line, Lines};
pub use reader::{Diagnostics, Transcript, origin};
pub use workflow::RunEnd;

/// Replaces lone surrogate escapes in JSON text that Claude Code wrote; see the rows' reader.
pub fn mend_surrogates(json: &str) -> std::borrow::Cow<'_, str> {
    lenient::mend_surrogates(json)
}
