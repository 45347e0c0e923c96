//! `cargo dev`: the whole system, started, watched over and stopped.

mod build;
mod deployed;
pub(crate) mod exec;
mod follow;
mod format;
mod settings;
mod start;
mod watch;

pub(crate) use follow::Follower;
pub(crate) use start::{Options, Running, Serving};

use std::path::PathBuf;

use crate::paths;

/// Where the functions, the watcher and MiniStack log.
pub(crate) fn log_dir() -> PathBuf {
    paths::local("log")
}

/// Where the environment of every function is.
fn env_dir() -> PathBuf {
    paths::local("env")
}
