//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::commands::cli::Filter;
use crate::commands::session_ref::{self, Reference};

/// Arguments of `export`.
#[derive(Clone, Debug, Default, Args)]
pub struct Export {
    /// Transcripts, folders of transcripts, or session ids (the beginning is enough), with turns if not all are wanted
    #[arg(value_name = "PATH|SESSION[#TURN]", value_parser = session_ref::parse, required_unless_present = "all")]
    pub targets: Vec<Reference>,
    /// Every session on disk, whether or not its project is traced: nothing is sent
    #[arg(long, conflicts_with = "targets")]
    pub all: bool,
    /// How messages are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// What a line is: a session as it stood at its last answer, or each turn with all that the model had before it
    #[arg(long, value_enum, default_value_t)]
    pub per: Per,
    /// Keep what the model thought
    #[arg(long)]
    pub thinking: bool,
    /// Which sessions.
    #[command(flatten)]
    pub filter: Filter,
    /// Only turns that were answered by a model whose name begins so
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Only sessions of at least so many turns
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_turns: usize,
    /// No turns that were interrupted, or that ended with an error
    #[arg(long)]
    pub no_failed: bool,
    /// Write to this file, which is there once all is written, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Texts with tool calls, as Langfuse shows them; each line says where it is from
    #[default]
    Messages,
    /// As OpenAI's chat completions and fine-tuning take them
    Openai,
    /// As Anthropic's messages API takes them
    Anthropic,
}

/// What a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Per {
    /// One line a session
    #[default]
    Conversation,
    /// One line a turn
    Turn,
}
