//! Transcripts of Claude Code, from release 1.0.128 on: bytes → lines → rows → records → turns.

#![forbid(unsafe_code)]

mod branch;
mod classify;
pub mod completion;
mod content;
pub mod conversation;
mod entry;
mod excerpt;
mod git;
mod hook_times;
mod identity;
mod instruction_log;
mod instruction_row;
mod instruction_texts;
mod instructions;
mod json_text;
pub mod lineage;
mod lines;
pub mod locate;
mod media;
mod prefilter;
mod reader;
mod request_shape;
mod row_budget;
mod rows;
mod scan;
pub mod session;
mod session_info;
mod tolerant;
mod trusted_id;
mod unknown;
mod workflow;

pub use branch::branch_point;
pub(crate) use classify::shown_by_command;
pub(crate) use content::as_text;
pub(crate) use content::json as as_json;
pub use content::{Block, Media, Patch, ToolResult, ToolUse, decoded_size, text_of};
pub use entry::{
    Advice, ApiError, AssistantMessage, Boundary, Entry, Header, Notification, Prompt, Record,
    Request, Usage,
};
pub use excerpt::{Excerpt, characters, excerpt};
pub use git::{Commit, GitOperation};
pub use hook_times::{HookTime, hook_times};
pub use identity::FileMark;
pub use instruction_log::{TurnInstructions, add_instructions};
pub use instruction_row::instruction_hash;
pub use instruction_texts::{InstructionText, InstructionTexts, instruction_texts};
pub use instructions::Instructions;
pub use json_text::replace_surrogates;
pub(crate) use lines::{Line, Lines};
pub use media::{MAX_MEDIA_BYTES, MediaSource, media_bytes};
pub use prefilter::is_title;
pub use reader::{Diagnostics, Transcript, names_session, origin};
pub use request_shape::{RequestShape, request_shape};
pub use session_info::{ReportedCost, SessionInfo, last_activity, reported_costs};
pub use trusted_id::is_trusted;
pub use unknown::{UnknownNames, unknown_names};
pub use workflow::RunEnd;
