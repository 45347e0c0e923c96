//! Queue batches: every record stands alone.
//!
//! A record that cannot be read, fails or panics is reported by its id, so that SQS redelivers it and in the end
//! moves it, and nothing else, to the dead-letter queue. The others of its batch are deleted.

use std::convert::Infallible;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future::join_all;
use kernel::config::{Env, function_timeout};
use kernel::crypto::sha256_hex;
use kernel::deadline::Deadline;
use kernel::events::EventMessage;
use kernel::metrics::{self, Metric};
use kernel::trace;
use lambda_runtime::{LambdaEvent, service_fn};
use leads::fan_sync::SyncMessage;
use moments::publish::PublishMessage;
use serde::de::DeserializeOwned;
use tracing::field::Empty;
use tracing::{Instrument, error_span};
use webhooks::DeliveryMessage;

use super::deadline;
use crate::runtime;

/// A message of one of our queues.
pub trait QueueMessage: DeserializeOwned {
    /// Whether its records are counted with those of the other queues, of which alarms compare how many are done and fail. Not
    /// those of events and webhooks: some follow nearly every change, and that they are done says nothing of the others.
    const IS_COUNTED: bool = true;
}

impl QueueMessage for SyncMessage {}

impl QueueMessage for PublishMessage {}

impl QueueMessage for EventMessage {
    const IS_COUNTED: bool = false;
}

impl QueueMessage for DeliveryMessage {
    const IS_COUNTED: bool = false;
}

/// The whole `main` of a function behind a queue; see [`run_batch`] for what `handle` means.
pub fn serve_sqs<A, T, E, X, S, F, Fut>(setup: S, handle: F) -> ExitCode
where
    A: 'static,
    T: QueueMessage,
    E: Display,
    X: Display,
    S: AsyncFnOnce(&Env) -> Result<A, X>,
    F: Fn(&'static A, T, Deadline) -> Fut + Copy + 'static,
    Fut: Future<Output = Result<(), E>>,
{
    runtime::run(setup, async |app: &'static A, env: &Env| {
        let timeout = function_timeout(env)?;
        lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
            let context = event.context;
            let span =
                error_span!("batch", function = context.env_config.function_name, request.id = context.request_id);
            let batch = run_batch(app, handle, event.payload, deadline(&context, timeout));
            Ok::<_, Infallible>(batch.instrument(span).await)
        }))
        .await
    })
}

/// Runs all records of `event` at once. `handle` gets the record's body and the instant at which Lambda will stop the
/// function; `Ok` deletes the message, `Err` has SQS deliver it again. What can never succeed is for `handle` to
/// write down and then call done.
///
/// A failed record is an entry of the answer and not an error, even when all failed: an error would make Lambda count
/// the function itself as broken and slow the queue's polling down.
pub async fn run_batch<'a, A, T, E, F, Fut>(
    app: &'a A,
    handle: F,
    event: SqsEvent,
    deadline: Deadline,
) -> SqsBatchResponse
where
    T: QueueMessage,
    E: Display,
    F: Fn(&'a A, T, Deadline) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let mut answer = SqsBatchResponse::default();
    let ids: Vec<_> = event.records.iter().map(|record| record.message_id.clone().unwrap_or_default()).collect();
    if ids.iter().any(String::is_empty) {
        metrics::count(Metric::RecordsFailed, if T::IS_COUNTED { ids.len() } else { 0 });
        // Its failure could not be reported, and what is not reported is deleted. Lambda takes an empty id as
        // "the whole batch failed".
        tracing::error!(records = ids.len(), "a record has no message id; the whole batch goes back");
        answer.add_failure("");
        return answer;
    }
    let handle = &handle;
    let records = event.records.into_iter().zip(&ids).map(|(record, id)| {
        let span = error_span!("record", message.id = id, receive_count = receive_count(&record), trace.id = Empty);
        let header = record.attributes.get("AWSTraceHeader").cloned();
        async move { trace::within(header.as_deref(), run_record(app, handle, record, deadline)).await }
            .instrument(span)
    });
    let done = join_all(records).await;
    let failed = done.iter().filter(|done| !**done).count();
    // Zeros too: an alarm compares the two.
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    if T::IS_COUNTED {
        metrics::put(Metric::RecordsFailed, number(failed));
        metrics::put(Metric::RecordsDone, number(done.len() - failed));
    }
    answer.set_failures(ids.iter().zip(done).filter(|(_, done)| !done).map(|(id, _)| id));
    answer
}

/// Whether the record is done with. Logs one line.
async fn run_record<'a, A, T, E, F, Fut>(app: &'a A, handle: &F, record: SqsMessage, deadline: Deadline) -> bool
where
    T: QueueMessage,
    E: Display,
    F: Fn(&'a A, T, Deadline) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let started = Instant::now();
    let body = record.body.unwrap_or_default();
    let message: T = match serde_json::from_str(&body) {
        Ok(message) => message,
        Err(error) => {
            // The error's text can quote the body. The hash is enough to find the message in the dead-letter queue.
            let digest: String = sha256_hex(body.as_bytes()).chars().take(16).collect();
            tracing::error!(body.sha256 = digest, body.bytes = body.len(), kind = ?error.classify(), "unreadable record");
            return false;
        }
    };
    // The call itself inside the future, so that a panic before the first await is caught too.
    let work = AssertUnwindSafe(async { handle(app, message, deadline).await }).catch_unwind();
    let outcome = work.await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(Ok(())) => {
            tracing::info!(duration_ms, "record done");
            return true;
        }
        Ok(Err(error)) => tracing::warn!(duration_ms, %error, "record failed, it will be delivered again"),
        // The panic hook has written where and why.
        Err(_) => tracing::error!(duration_ms, "record panicked, it will be delivered again"),
    }
    false
}

fn receive_count(record: &SqsMessage) -> Option<&str> {
    record.attributes.get("ApproximateReceiveCount").map(String::as_str)
}

#[cfg(test)]
mod tests;
