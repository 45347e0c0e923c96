//! Scheduled functions. They take no input: what is to be done is in the tables, so a lost, late or doubled run does
//! no harm, and the next one does what this one left.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Instant;

use kernel::config::Env;
use kernel::deadline::Deadline;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use tracing::{Instrument, error_span};

use super::{deadline, function_timeout};
use crate::boot;

/// The whole `main` of a scheduled function.
pub fn serve_scheduled<A, E, X, S, F, Fut>(setup: S, handle: F) -> ExitCode
where
    A: 'static,
    E: Display,
    X: Display,
    S: AsyncFnOnce(&Env) -> Result<A, X>,
    F: Fn(&'static A, Deadline) -> Fut + Copy + 'static,
    Fut: Future<Output = Result<(), E>>,
{
    boot::run(setup, async |app: &'static A, env: &Env| {
        let timeout = function_timeout(env)?;
        lambda_runtime::run(service_fn(move |event: LambdaEvent<IgnoredAny>| async move {
            let context = event.context;
            let span = error_span!("run", function = context.env_config.function_name, request.id = context.request_id);
            run_scheduled(app, handle, deadline(&context, timeout)).instrument(span).await
        }))
        .await
    })
}

/// One run, logged in one line.
///
/// # Errors
/// When the run failed. Lambda then counts the invocation as failed, which is what the function's alarm watches.
pub async fn run_scheduled<'a, A, E, F, Fut>(app: &'a A, handle: F, deadline: Deadline) -> Result<(), Diagnostic>
where
    E: Display,
    F: FnOnce(&'a A, Deadline) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let started = Instant::now();
    let outcome = handle(app, deadline).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(()) => {
            tracing::info!(duration_ms, "run done");
            Ok(())
        }
        Err(error) => {
            tracing::error!(duration_ms, %error, "run failed, the next one takes up what is left");
            Err(Diagnostic { error_type: "ScheduledRunFailed".to_owned(), error_message: error.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Error;
    use std::time::Duration;

    use super::*;

    async fn handle(busy: &bool, _: Deadline) -> Result<(), Error> {
        if *busy { Err(Error::Busy("account")) } else { Ok(()) }
    }

    #[tokio::test]
    async fn a_failed_run_is_a_failed_invocation() {
        let deadline = Deadline::after("2026-11-20T00:00:00Z".parse().unwrap(), Duration::from_secs(60));
        assert_eq!(run_scheduled(&false, handle, deadline).await, Ok(()));
        let failure = run_scheduled(&true, handle, deadline).await.unwrap_err();
        assert_eq!(failure.error_message, "account is busy");
    }
}
