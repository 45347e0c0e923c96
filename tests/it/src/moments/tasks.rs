//! Tasks after their creation: lists, progress, changes, errors.

mod errors;
mod list;
mod list_bad_input;
mod management;
mod management_bad_input;
mod progress;
mod stopping;
