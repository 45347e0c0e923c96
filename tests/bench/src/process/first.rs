//! From the start of a program to its answer to an event that waits for it already, as at a cold start.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::runtime_api::RuntimeApi;
use super::{PATIENCE, Variables, command};

/// Something Lambda can start.
pub struct Program {
    pub path: PathBuf,
    /// What follows it on the command line.
    pub arguments: Vec<PathBuf>,
}

/// What came of a start.
pub struct First {
    /// Until it asked for an event.
    pub asked: Duration,
    /// Until it had answered.
    pub answered: Duration,
    pub answer: Value,
}

/// Starts a program, waits for its first answer, and ends it.
pub async fn first(program: &Program, variables: &Variables, event: Value) -> Result<First> {
    let mut api = RuntimeApi::start().await?;
    api.send(event)?;
    let mut command = command(&program.path, variables, &api)?;
    command.args(&program.arguments);
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{} does not start", program.path.display()))?;
    let answer = tokio::select! {
        answer = tokio::time::timeout(PATIENCE, api.answer()) => answer.context("no answer")??,
        ended = child.wait() => bail!("{} ended at its start: {}", program.path.display(), ended?),
    };
    let answered = began.elapsed();
    let asked = api.asked().await?.duration_since(began);
    child.kill().await?;
    Ok(First { asked, answered, answer })
}
