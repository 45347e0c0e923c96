//! Functions as the processes that Lambda runs: built, started, and handed events.

mod build;
mod first;
mod runtime_api;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use it::World;
use it::world::EndpointOverrides;
use serde_json::Value;
use tokio::process::{Child, Command};

pub use build::{build, build_hello};
pub use first::{Program, first};
use runtime_api::RuntimeApi;

/// Longer than a sync of 5,000 fans takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

pub type Variables = Vec<(String, String)>;

/// A running function. It ends with this value.
pub struct Function {
    child: Child,
    api: RuntimeApi,
    /// From its start to its first question for an event: what Lambda calls init.
    pub init: Duration,
}

impl Function {
    /// Starts a binary with these variables and waits until it asks for an event.
    pub async fn start(binary: &Path, variables: &Variables) -> Result<Self> {
        let mut api = RuntimeApi::start().await?;
        let mut command = command(binary, variables, &api)?;
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("{} does not start", binary.display()))?;
        let asked = tokio::select! {
            asked = api.asked() => asked?,
            ended = child.wait() => bail!("{} ended at its start: {}", binary.display(), ended?),
        };
        Ok(Self { child, api, init: asked.duration_since(began) })
    }

    /// Hands it an event and waits for its answer.
    pub async fn invoke(&mut self, event: Value) -> Result<Value> {
        self.api.send(event)?;
        tokio::select! {
            answer = tokio::time::timeout(PATIENCE, self.api.answer()) => answer.context("no answer")?,
            ended = self.child.wait() => bail!("the function ended: {}", ended?),
        }
    }

    /// The most memory it ever had resident, in MiB, as Lambda reports it.
    pub fn peak_mebibytes(&self) -> Result<f64> {
        let id = self.child.id().context("the function has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kibibytes: f64 = peak.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes / 1_024.0)
    }
}

/// What the template and Lambda give a function, as far as it is not this machine's business.
pub fn variables(world: &World, function: &str) -> Result<Variables> {
    // A function starts seconds after what the world has written.
    world.rules.settle();
    let mut variables = world.stack.environments.get(function).context("no such function")?.clone();
    let of_the_world = world.variables(function, &EndpointOverrides::default())?;
    variables.extend(of_the_world.into_iter().filter(|(name, _)| name.starts_with("AWS_")));
    // The world logs at DEBUG, production at INFO.
    variables.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), "INFO".to_owned());
    Ok(variables.into_iter().collect())
}

/// The program in the environment Lambda gives it; what it writes goes to its log.
fn command(binary: &Path, variables: &Variables, api: &RuntimeApi) -> Result<Command> {
    let log = log_of(binary)?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("AWS_LAMBDA_RUNTIME_API", api.address())
        .env("AWS_LAMBDA_FUNCTION_NAME", binary.file_name().unwrap_or_default())
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    Ok(command)
}

fn log_of(binary: &Path) -> Result<File> {
    let name = binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = local::paths::workspace().join("target/bench").join(format!("{name}.log"));
    std::fs::create_dir_all(path.parent().context("a file without a directory")?)?;
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}
