//! `local exec <binary>`: becomes a function, in the environment Lambda would give it.
//!
//! `cargo lambda watch` starts the functions by `cargo run`, and cargo starts binaries through a runner when one is
//! configured. Being that runner gives every function its own environment and its own log file from one watcher.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{env_dir, log_dir};
use crate::parent_watch;
use crate::stack::Environment;

/// What of the surrounding environment a function sees: enough for a process to live, and what `cargo lambda` tells it
/// about its runtime. Not the developer's AWS profile, proxies or log settings, which Lambda would not have either.
const PASSED_ON: [&str; 8] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_RUNTIME_API",
    "HOME",
    "LANG",
    "PATH",
    "RUST_BACKTRACE",
    "TMPDIR",
];

/// Replaces this process by `binary`. Returns only if that fails.
pub(crate) fn run(binary: &Path, arguments: &[String]) -> Result<()> {
    let name = binary.file_name().and_then(|name| name.to_str()).context("a binary without a name")?;
    let settings = env_dir().join(format!("{name}.json"));
    let settings = fs::read(&settings).with_context(|| format!("{name} is not a function of template.yaml"))?;
    let environment: Environment = serde_json::from_slice(&settings)?;
    let log = parent_watch::append(&log_dir().join(format!("{name}.log")))?;
    let passed_on = PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let error = Command::new(binary)
        .args(arguments)
        .env_clear()
        .envs(passed_on)
        .envs(environment)
        .stdout(log.try_clone()?)
        .stderr(log)
        .exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}
