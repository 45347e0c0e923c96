//! `cargo lambda watch`: serves the functions and reloads them when their code changes.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::log_dir;
use crate::gateway::Invoke;
use crate::parent_watch::ParentWatch;
use crate::paths;
use crate::python::Venv;

/// Processes per function. More are started only when all are busy, as on Lambda.
const CONCURRENCY: &str = "4";

/// How long it may take to listen. It takes half a second.
const START: Duration = Duration::from_secs(60);

/// The address of cargo lambda watch.
pub(super) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The address at which a function is invoked.
pub(super) fn invocation_url(port: u16, bin: &str) -> String {
    format!("{}/2015-03-31/functions/{bin}/invocations", url(port))
}

/// How the API invokes a function: as MiniStack does.
pub(super) fn invoke(port: u16) -> Result<Invoke> {
    // Without roots of trust, which take long to load: everything here is plain HTTP.
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    Ok(Arc::new(move |bin, event| {
        let request = http.post(invocation_url(port, &bin)).json(&event);
        Box::pin(async move {
            let answer = request.send().await.with_context(|| format!("{bin} is not served"))?;
            ensure!(answer.status().is_success(), "{bin} failed: {}", answer.status());
            answer.json().await.with_context(|| format!("the answer of {bin} is not JSON"))
        })
    }))
}

/// The command that serves the functions, for a shell in the root of the checkout. Every function it starts is given its
/// own environment by [`super::exec`].
pub(super) fn command(venv: &Venv, port: u16, reload: bool) -> Result<String> {
    let this = std::env::current_exe().context("this program does not know where it is")?;
    let this = text(&this)?;
    // A JSON string is a TOML string. `cfg(all())` is true on every machine.
    let runner = format!("target.'cfg(all())'.runner=[{}, \"exec\"]", serde_json::to_string(this)?);
    let (program, port) = (venv.program("cargo-lambda"), port.to_string());
    // At its DEBUG level the watcher logs whole events.
    let mut words = vec!["env", "-u", "RUST_LOG", text(&program)?, "lambda", "watch"];
    words.extend(["--invoke-address", "127.0.0.1", "--invoke-port", &port]);
    words.extend(["--concurrency", CONCURRENCY, "--config", &runner]);
    words.extend((!reload).then_some("--ignore-changes"));
    Ok(words.into_iter().map(quoted).collect::<Vec<_>>().join(" "))
}

/// The same for any shell, to be pasted.
pub(crate) fn line(venv: &Venv, port: u16) -> Result<String> {
    Ok(format!("cd {} && {}", quoted(text(&paths::workspace())?), command(venv, port, true)?))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path of this checkout is not UTF-8")
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Starts it and waits until it listens. The functions themselves start with their first request.
pub(super) async fn start(venv: &Venv, port: u16, reload: bool) -> Result<ParentWatch> {
    let mut command = Command::new("sh");
    // By the shell, so that what we print has been run; `exec`, so that what is stopped is the watcher and not the shell.
    command.arg("-c").arg(format!("exec {}", self::command(venv, port, reload)?)).current_dir(paths::workspace());
    let mut watch = ParentWatch::start("cargo lambda watch", venv, &log_dir().join("watch.log"), &command)?;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if let Some(status) = watch.ended() {
            bail!("cargo lambda watch ended at once ({status}); its last words are in target/local/log/watch.log");
        }
        if http.get(url(port)).send().await.is_ok() {
            return Ok(watch);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!(
        "cargo lambda watch does not answer on port {port} after {} s; see target/local/log/watch.log",
        START.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_word_is_read_back_by_a_shell_as_it_was() {
        for word in ["plain", "with space", "it's", r#"a."b"=['$HOME', `x`] \ !"#, "存客宝", ""] {
            let output = Command::new("sh").arg("-c").arg(format!("printf %s {}", quoted(word))).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
