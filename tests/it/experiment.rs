//! `experiment`: items of a dataset run again, each in its own checkout; nothing remains, and the results can be compared.

mod example;
mod place;
mod run;
