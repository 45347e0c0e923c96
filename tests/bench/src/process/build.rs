//! Building the binaries to be measured, and finding them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::report::progress;

pub struct Built(BTreeMap<String, PathBuf>);

impl Built {
    /// A binary that was asked for.
    pub fn path(&self, name: &str) -> Result<&Path> {
        self.0.get(name).map(PathBuf::as_path).with_context(|| format!("cargo did not build {name}"))
    }
}

/// Builds these functions for a benchmark. They are selected as a deployment does, by their package alone: together
/// with this one, they would get features of crates that only this one needs.
pub async fn build(benchmark: &str, profile: &str, functions: &[&str]) -> Result<Built> {
    progress(benchmark, &format!("building {} as {profile}", functions.join(", ")));
    let bins = functions.iter().flat_map(|name| ["--bin", name]);
    Ok(Built(cargo(profile, ["-p", "functions"].into_iter().chain(bins)).await?))
}

/// Builds the hello world that functions are compared with.
pub async fn build_hello(profile: &str) -> Result<Built> {
    Ok(Built(cargo(profile, ["-p", "bench", "--example", "hello"]).await?))
}

async fn cargo(profile: &str, what: impl IntoIterator<Item = &str>) -> Result<BTreeMap<String, PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--profile", profile, "--message-format", "json-render-diagnostics"])
        .args(what)
        .current_dir(local::paths::workspace())
        .stdin(Stdio::null())
        // Its own progress goes to the terminal as it is.
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("cargo was not found")?;
    ensure!(output.status.success(), "the functions do not build");
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter_map(|message| executable(&message)).collect())
}

fn executable(message: &Value) -> Option<(String, PathBuf)> {
    let name = message.pointer("/target/name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(message.get("executable")?.as_str()?)))
}
