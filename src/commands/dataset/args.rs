//! Arguments of `dataset`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::commands::help;
use crate::commands::session_ref::{self, Reference};

/// Arguments of `dataset`.
#[derive(Clone, Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct Dataset {
    /// What to do.
    #[command(subcommand)]
    pub command: DatasetCommand,
}

/// The commands of `dataset`.
#[derive(Clone, Debug, Subcommand)]
pub enum DatasetCommand {
    /// Add turns to a dataset of Langfuse
    ///
    /// Each turn becomes an item: the conversation up to its prompt as the input, its answer as the expected output, with a
    /// link to its trace. Added again, an item that is the same stays as it is.
    #[command(after_help = help::DATASET_EXAMPLES)]
    Add(Add),
}

/// Arguments of `dataset add`.
#[derive(Clone, Debug, Default, Args)]
pub struct Add {
    /// A transcript, or a session's id (the beginning is enough), with turns if not all are wanted
    #[arg(value_name = "PATH|SESSION[#TURN]", value_parser = session_ref::parse)]
    pub session: Reference,
    /// The dataset's name
    #[arg(long, value_name = "NAME")]
    pub dataset: String,
    /// What is expected of one turn instead of its answer: a text, or JSON
    #[arg(long, value_name = "FILE")]
    pub expected: Option<PathBuf>,
    /// Make the dataset if there is none of this name
    #[arg(long)]
    pub create: bool,
    /// Print exactly what would be sent, one item a line, and send nothing; needs no keys
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object an item
    #[arg(long, conflicts_with = "dry_run")]
    pub json: bool,
}
