//! The platform's envelopes, opened in one place.
//!
//! Business failures arrive with HTTP 200 in one of four shapes, and which endpoint uses which depends on the year of
//! its page. So all of them are looked for on every answer:
//!
//! | envelope | code | log id |
//! |---|---|---|
//! | OAuth | `data.error_code`, `message: "error"` | `data.log_id` |
//! | legacy | `extra.error_code`, `data.error_code`, `extra.sub_error_code` | `extra.logid` or `extra.log_id` |
//! | v1 | `err_no` | `log_id` |
//! | business token | `error_code` | – |

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::errors::{FailureKind, PlatformError, classify};
use super::lenient::{Unreadable, integer};

/// What a successful call brought.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) data: T,
    pub(super) log_id: Option<String>,
}

/// Opens the answer of `endpoint`.
///
/// A success whose data lack what the call is for is a failure like an unreadable body: nothing was decided, and no
/// empty token or half a page may pass for an answer.
pub(super) fn unwrap<T: DeserializeOwned>(
    endpoint: Endpoint,
    http_status: u16,
    body: &[u8],
) -> Result<Answer<T>, PlatformError> {
    // Business errors have status 200 too, so any other status is from the infrastructure before the platform.
    if http_status != 200 {
        return Err(PlatformError::unreadable(endpoint, http_status, None));
    }
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return Err(PlatformError::unreadable(endpoint, http_status, None));
    };
    let log_id = log_id(&body);
    let Ok(failure) = failure(endpoint, &body) else {
        return Err(PlatformError::unreadable(endpoint, http_status, log_id));
    };
    if let Some(Failure { kind, code }) = failure {
        return Err(PlatformError { kind, endpoint, code, http_status: Some(http_status), log_id });
    }
    // The text of serde's error is dropped: it quotes the offending value, which can be a token.
    match serde_json::from_value(body.remove("data").unwrap_or_default()) {
        Ok(data) => Ok(Answer { data, log_id }),
        Err(_) => Err(PlatformError::unreadable(endpoint, http_status, log_id)),
    }
}

/// A failure the platform reports.
struct Failure {
    kind: FailureKind,
    code: Option<i64>,
}

fn failure(endpoint: Endpoint, body: &Map<String, Value>) -> Result<Option<Failure>, Unreadable> {
    let places = [
        body.get("err_no"),
        body.get("error_code"),
        inside(body, "data", "error_code"),
        inside(body, "extra", "error_code"),
        inside(body, "extra", "sub_error_code"),
    ];
    let mut first = None;
    for place in places.into_iter().flatten() {
        let Some(code) = integer(place)?.filter(|code| *code != 0) else { continue };
        // The general code stands before the detailed one. The first we know decides, so that a new general code
        // does not hide a detail that says what to do.
        let kind = classify(endpoint, code);
        if kind != FailureKind::Unknown {
            return Ok(Some(Failure { kind, code: Some(code) }));
        }
        first = first.or(Some(code));
    }
    let failed = first.is_some() || body.get("message").is_some_and(|message| message == "error");
    Ok(failed.then_some(Failure { kind: FailureKind::Unknown, code: first }))
}

fn log_id(body: &Map<String, Value>) -> Option<String> {
    let places = [
        body.get("log_id"),
        inside(body, "extra", "logid"),
        inside(body, "extra", "log_id"),
        inside(body, "data", "log_id"),
    ];
    // It goes into logs and error texts, so it must look like one: digits and hex in every sample.
    places
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|id| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(str::to_owned)
}

fn inside<'a>(body: &'a Map<String, Value>, object: &str, field: &str) -> Option<&'a Value> {
    body.get(object)?.get(field)
}

#[cfg(test)]
mod tests;
