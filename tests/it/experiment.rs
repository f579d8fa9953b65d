//! `experiment`: items of a dataset run again, each in a checkout of its own; nothing is left behind, and the results compare.

mod example;
mod place;
mod run;
