//! Building the functions before the first request needs them.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::console::{self, Step};
use crate::paths;

/// Builds the binaries. `cargo lambda watch` will run the same cargo command per function, so they are selected in the
/// same way: another selection can mean other features, and everything would be built twice.
pub(super) async fn build(bins: &[&str]) -> Result<()> {
    let step = Step::start("building the functions");
    let mut command = tokio::process::Command::new("cargo");
    command.arg("build").args(bins.iter().flat_map(|bin| ["--bin", bin]));
    let mut cargo = command
        .current_dir(paths::workspace())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cargo was not found")?;
    let mut said = Vec::new();
    if let Some(output) = cargo.stderr.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(package) = line.trim_start().strip_prefix("Compiling ") {
                step.detail(package);
            } else {
                said.push(line);
            }
        }
    }
    if cargo.wait().await.context("cargo was lost")?.success() {
        step.done(&format!("{} functions built", bins.len()));
        return Ok(());
    }
    drop(step);
    said.iter().for_each(|line| console::line(line));
    bail!("The functions do not build: correct what cargo reports above and start again.")
}
