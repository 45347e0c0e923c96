//! Scheduled functions. They take no input: what is to be done is in the tables, so a lost, late or doubled run does
//! no harm, and the next one does what this one left. What they answer says how much of it was done, and whoever runs
//! them fails the invocation when that is too little: nobody else would ever notice.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Instant;

use kernel::config::{Env, function_timeout};
use kernel::deadline::Deadline;
use kernel::metrics::{self, Metric};
use kernel::round::RoundReport;
use kernel::trace;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use tracing::field::Empty;
use tracing::{Instrument, error_span};

use super::deadline;
use crate::runtime;

/// The whole `main` of a scheduled function.
pub fn serve_scheduled<A, E, X, S, F, Fut>(setup: S, handle: F) -> ExitCode
where
    A: 'static,
    E: Display,
    X: Display,
    S: AsyncFnOnce(&Env) -> Result<A, X>,
    F: Fn(&'static A, Deadline) -> Fut + Copy + 'static,
    Fut: Future<Output = Result<Vec<RoundReport>, E>>,
{
    runtime::run(setup, async |app: &'static A, env: &Env| {
        let timeout = function_timeout(env)?;
        lambda_runtime::run(service_fn(move |event: LambdaEvent<IgnoredAny>| async move {
            let context = event.context;
            let function = context.env_config.function_name.as_str();
            let span = error_span!("run", function, request.id = context.request_id, trace.id = Empty);
            let run = run_scheduled(app, handle, deadline(&context, timeout));
            trace::within(context.xray_trace_id.as_deref(), run).instrument(span).await
        }))
        .await
    })
}

/// One run, logged in one line for each kind of work and one for the whole.
///
/// # Errors
/// When the run failed, or most of one kind of its work did. Lambda then counts the invocation as failed, which is what
/// the function's alarm watches.
pub async fn run_scheduled<'a, A, E, F, Fut>(app: &'a A, handle: F, deadline: Deadline) -> Result<(), Diagnostic>
where
    E: Display,
    F: FnOnce(&'a A, Deadline) -> Fut,
    Fut: Future<Output = Result<Vec<RoundReport>, E>>,
{
    let started = Instant::now();
    // Boxed, because laid out inside `main`'s own it nests deeper than the compiler follows (128 levels).
    let outcome = Box::pin(handle(app, deadline)).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(reports) => {
            for report in reports.iter().filter(|report| !report.is_empty()) {
                let RoundReport { what, done, failed, unreached } = *report;
                if failed + unreached == 0 {
                    tracing::info!(what, done, failed, unreached, "{report}");
                } else {
                    tracing::warn!(what, done, failed, unreached, "{report}; the next run takes up what is left");
                }
            }
            let failed: Vec<_> = reports.iter().filter(|it| it.mostly_failed()).map(RoundReport::to_string).collect();
            if failed.is_empty() {
                tracing::info!(duration_ms, "run done");
                return Ok(());
            }
            let error_message = format!("most of the work failed: {}", failed.join("; "));
            tracing::error!(duration_ms, "run failed: {error_message}");
            Err(Diagnostic { error_type: "MostWorkFailed".to_owned(), error_message })
        }
        Err(error) => {
            tracing::error!(duration_ms, %error, "run failed, the next one takes up what is left");
            Err(Diagnostic { error_type: "ScheduledRunFailed".to_owned(), error_message: error.to_string() })
        }
    }
}

/// Tells in numbers what a round came to; zeroes too, so that a function that does not run shows as missing numbers.
pub(crate) fn put_round<const N: usize>(reports: [&RoundReport; N], done: Metric, not_done: Metric) {
    let sum = |count: fn(&RoundReport) -> usize| -> usize { reports.iter().map(|report| count(report)).sum() };
    metrics::put(done, u64::try_from(sum(|report| report.done)).unwrap_or(u64::MAX));
    metrics::put(not_done, u64::try_from(sum(|report| report.failed + report.unreached)).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use kernel::Error;
    use std::time::Duration;

    use super::*;

    async fn handle(busy: &bool, _: Deadline) -> Result<Vec<RoundReport>, Error> {
        if *busy { Err(Error::Contention("account")) } else { Ok(Vec::new()) }
    }

    async fn report(reports: &[RoundReport; 2], _: Deadline) -> Result<Vec<RoundReport>, Error> {
        Ok(reports.to_vec())
    }

    #[tokio::test]
    async fn scheduled_run_that_fails_is_a_failed_invocation() {
        let deadline = Deadline::after("2026-11-20T00:00:00Z".parse().unwrap(), Duration::from_secs(60));
        assert_eq!(run_scheduled(&false, handle, deadline).await, Ok(()));
        let failure = run_scheduled(&true, handle, deadline).await.unwrap_err();
        assert_eq!(failure.error_message, "account is busy");
    }

    #[tokio::test]
    async fn scheduled_run_with_one_kind_of_work_mostly_failed_is_a_failed_invocation() {
        let deadline = Deadline::after("2026-11-20T00:00:00Z".parse().unwrap(), Duration::from_secs(60));
        let some = |what, done, failed| RoundReport { what, done, failed, unreached: 0 };
        let fine = [some("syncs", 9, 1), RoundReport::of("deliveries")];
        assert_eq!(run_scheduled(&fine, report, deadline).await, Ok(()));
        let failed = [some("syncs", 90, 0), some("deliveries", 1, 2)];
        let failure = run_scheduled(&failed, report, deadline).await.unwrap_err();
        assert_eq!(failure.error_message, "most of the work failed: deliveries: 1 done, 2 failed, 0 not reached");
    }
}
