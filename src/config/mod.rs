//! Configuration: environment variables, in layers that remember the source of each value.
//! Files are read at the edge ([`Files`]); the rest is a function of a snapshot ([`Env`]).

mod base_url;
mod destination;
mod env;
mod file;
mod files;
mod foreign_names;
mod javascript;
mod json_file;
mod key_file;
mod keys;
mod layers;
mod project;
mod provenance;
mod redirect;
mod repository;
mod request;
mod resolve;
mod resolved;
mod secret;
mod session;
mod settings;
mod settings_paths;
mod source;
mod unknown_variables;
mod value;
mod variables;
mod withheld;

pub use base_url::normalise as normalise_url;
pub use destination::{Destination, DestinationProblem, Doubt, Request, RequestedValue, in_shell};
pub use env::{Env, MergedSettings};
pub use files::Files;
pub use foreign_names::remedy as suggestion;
pub use layers::Scope;
pub use project::{folder_name, project_name};
pub use provenance::{has_unexplained, names_brought_by_project, unreadable_project_file};
pub use redirect::without_redirects;
pub use repository::{identity as repository_identity, in_main_checkout, root_of};
pub use resolve::resolve;
pub use resolved::{Config, Experiment, MaskPatterns};
pub use secret::Secret;
pub use settings_paths::settings_paths;
pub use source::{Layer, Problem, Setting, Source, masked, shown};
pub use unknown_variables::unknown_variables;
pub use value::{Capture, ParentSpan, RequestCapture};
pub use variables::{ProjectMay, VARIABLES, Variable};
