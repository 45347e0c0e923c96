//! What every function does before its first event.

use std::fmt::Display;
use std::process::ExitCode;

use kernel::config::Env;
use kernel::telemetry;
use lambda_runtime::Error;

/// Reads the environment, starts logging, runs `setup` once and hands its result to `serve`, which ends only with
/// the process. One thread: a Lambda serves one event at a time, and below 1,769 MB it has less than one CPU.
pub(crate) fn run<A, E, S, L>(setup: S, serve: L) -> ExitCode
where
    A: 'static,
    E: Display,
    S: AsyncFnOnce(&Env) -> Result<A, E>,
    L: AsyncFnOnce(&'static A, &Env) -> Result<(), Error>,
{
    let env = Env::from_process();
    telemetry::init(&env);
    let started = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = started.map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let app = setup(&env).await.map_err(|error| Error::from(error.to_string()))?;
            // Lives as long as the process: handlers borrow it without counting references.
            serve(Box::leak(Box::new(app)), &env).await
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function stopped");
            ExitCode::FAILURE
        }
    }
}
