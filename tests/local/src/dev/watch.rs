//! `cargo lambda watch`: serves the functions and reloads them when their code changes.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::log_dir;
use crate::leash::Leash;
use crate::paths;
use crate::python::Venv;

/// Processes per function. More are started only when all are busy, as on Lambda.
const CONCURRENCY: &str = "4";

/// How long it may take to listen. It takes half a second.
const START: Duration = Duration::from_secs(60);

/// The address at which MiniStack invokes a function.
pub(super) fn invocation_url(port: u16, bin: &str) -> String {
    format!("http://127.0.0.1:{port}/2015-03-31/functions/{bin}/invocations")
}

/// Starts it and waits until it listens. The functions themselves start with their first request.
pub(super) async fn start(venv: &Venv, port: u16, reload: bool) -> Result<Leash> {
    let this = std::env::current_exe().context("this program does not know where it is")?;
    let this = this.to_str().context("the path of this checkout is not UTF-8")?;
    // A JSON string is a TOML string. `cfg(all())` is true on every machine.
    let runner = format!("target.'cfg(all())'.runner=[{}, \"exec\"]", serde_json::to_string(this)?);
    let mut command = Command::new(venv.program("cargo-lambda"));
    command
        .args(["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
        .args(["--concurrency", CONCURRENCY, "--config", &runner])
        .args((!reload).then_some("--ignore-changes"))
        .current_dir(paths::workspace())
        // At its DEBUG level the watcher logs whole events.
        .env_remove("RUST_LOG");
    let mut watch = Leash::start("cargo lambda watch", venv, &log_dir().join("watch.log"), &command)?;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if let Some(status) = watch.ended() {
            bail!("cargo lambda watch ended at once ({status}); its last words are in target/local/log/watch.log");
        }
        if http.get(format!("http://127.0.0.1:{port}/")).send().await.is_ok() {
            return Ok(watch);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!(
        "cargo lambda watch does not answer on port {port} after {} s; see target/local/log/watch.log",
        START.as_secs()
    )
}
