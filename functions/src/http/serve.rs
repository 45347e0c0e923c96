//! From an event to a response, and the main loop of a function behind the API.

use std::convert::Infallible;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use futures::FutureExt;
use http::{Response, StatusCode};
use kernel::config::Env;
use kernel::{Error, trace};
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::field::Empty;
use tracing::{Instrument, error_span};

use super::event::{HttpAnswer, HttpEvent};
use super::{ApiRequest, ApiResponse, Problem};
use crate::runtime;

/// The whole `main` of a function behind the API: `setup` builds what all its requests share, once, and `handle`
/// answers each. A setup that fails stops the function with its reason in the log.
pub fn serve_http<A, E, S, F, Fut>(setup: S, handle: F) -> ExitCode
where
    A: Sync + 'static,
    E: Display,
    S: AsyncFnOnce(&Env) -> Result<A, E>,
    F: Fn(&'static A, ApiRequest) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<ApiResponse, Problem>> + Send + 'static,
{
    runtime::run(setup, async |app: &'static A, _: &Env| {
        lambda_runtime::run(service_fn(move |event: LambdaEvent<HttpEvent>| async move {
            // Boxed as a trait object: the compiler refuses to lay out the nested futures of the longest handlers.
            Ok::<_, Infallible>(HttpAnswer::from(dispatch(app, handle, event).boxed().await))
        }))
        .await
    })
}

/// Answers one event with `handle`. Every outcome is a response, a panic too: an error to Lambda would reach the client
/// as API Gateway's own, without envelope.
///
/// Logs one line per request, without query, headers and bodies.
pub async fn dispatch<'a, A, F, Fut>(app: &'a A, handle: F, event: LambdaEvent<HttpEvent>) -> Response<String>
where
    F: FnOnce(&'a A, ApiRequest) -> Fut,
    Fut: Future<Output = Result<ApiResponse, Problem>>,
{
    let started = Instant::now();
    let function = event.context.env_config.function_name.clone();
    let trace_header = event.context.xray_trace_id.clone();
    let request = ApiRequest::from(event);
    let id = request.request_id().to_owned();
    let line = Line { method: request.method().to_string(), route: request.route(), started };
    // At ERROR so that it is there at every level: lines without a request id help nobody.
    let span = error_span!("request", function, request.id = id, user.id = Empty, trace.id = Empty);
    let answered = async move {
        // The call itself inside the future, so that a panic before the first await is caught too. Boxed, because laid out inside
        // this one it nests deeper than the compiler follows (128 levels).
        let handled = AssertUnwindSafe(async { Box::pin(handle(app, request)).await }).catch_unwind().await;
        // The panic hook has written where and why.
        match handled.unwrap_or_else(|_| Err(Error::Internal("the handler panicked").into())) {
            Ok(response) => {
                let response = response.into_http(&id);
                line.write(response.status(), None);
                response
            }
            Err(problem) => {
                line.write(problem.status, Some(&problem));
                ApiResponse::of_problem(&problem, &id).into_http(&id)
            }
        }
    };
    trace::within(trace_header.as_deref(), answered).instrument(span).await
}

/// The one log line of a request; function, request id and user id are its span's.
struct Line {
    method: String,
    route: String,
    started: Instant,
}

impl Line {
    fn write(self, status: StatusCode, problem: Option<&Problem>) {
        let Self { method, route, started } = self;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let error_type = problem.map(|problem| problem.code.as_str());
        let cause = problem.and_then(Problem::cause);
        // The level of an event has to be a constant.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method,
                    route,
                    status = status.as_u16(),
                    error.type = error_type,
                    error.cause = cause,
                    duration_ms,
                    "request"
                )
            };
        }
        if status.is_server_error() { line!(error) } else { line!(info) }
    }
}

#[cfg(test)]
mod tests;
