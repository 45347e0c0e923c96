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

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::endpoint::Endpoint;
use super::errors::{FailureKind, PlatformError, classify};
use super::lenient::{Unreadable, integer};
use super::repair::readable;

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
    let body = readable(body);
    let Ok(envelope) = Envelope::parse(&body) else {
        return Err(PlatformError::unreadable(endpoint, http_status, None));
    };
    let log_id = envelope.log_id();
    let Ok(failure) = envelope.failure(endpoint) else {
        return Err(PlatformError::unreadable(endpoint, http_status, log_id));
    };
    if let Some(Failure { kind, code }) = failure {
        return Err(PlatformError { kind, endpoint, code, http_status: Some(http_status), log_id });
    }
    // The text of serde's error is dropped: it quotes the offending value, which can be a token.
    match envelope.top.get("data").map(|data| serde_json::from_str(data.get())) {
        Some(Ok(data)) => Ok(Answer { data, log_id }),
        _ => Err(PlatformError::unreadable(endpoint, http_status, log_id)),
    }
}

/// An object whose values are not read yet: one that nobody needs may be anything, a number beyond all bounds too.
type Object<'a> = HashMap<String, &'a RawValue>;

/// An answer and the two objects in it that can have codes.
struct Envelope<'a> {
    top: Object<'a>,
    data: Object<'a>,
    extra: Object<'a>,
}

/// A failure the platform reports.
struct Failure {
    kind: FailureKind,
    code: Option<i64>,
}

impl<'a> Envelope<'a> {
    fn parse(body: &'a str) -> Result<Self, Unreadable> {
        let top: Object<'a> = serde_json::from_str(body).map_err(|_| Unreadable)?;
        let inside = |name| top.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let (data, extra) = (inside("data"), inside("extra"));
        Ok(Self { top, data, extra })
    }

    fn failure(&self, endpoint: Endpoint) -> Result<Option<Failure>, Unreadable> {
        let places = [
            self.top.get("err_no"),
            self.top.get("error_code"),
            self.data.get("error_code"),
            self.extra.get("error_code"),
            self.extra.get("sub_error_code"),
        ];
        let mut first = None;
        for place in places.into_iter().flatten() {
            let value = serde_json::from_str(place.get()).map_err(|_| Unreadable)?;
            let Some(code) = integer(&value)?.filter(|code| *code != 0) else { continue };
            // The general code stands before the detailed one. The first we know decides, so that a new general code
            // does not hide a detail that says what to do.
            let kind = classify(endpoint, code);
            if kind != FailureKind::Unknown {
                return Ok(Some(Failure { kind, code: Some(code) }));
            }
            first = first.or(Some(code));
        }
        let failed = first.is_some() || self.top.get("message").is_some_and(|message| message.get() == r#""error""#);
        Ok(failed.then_some(Failure { kind: FailureKind::Unknown, code: first }))
    }

    fn log_id(&self) -> Option<String> {
        let places =
            [self.top.get("log_id"), self.extra.get("logid"), self.extra.get("log_id"), self.data.get("log_id")];
        // It goes into logs and error texts, so it must look like one: digits and hex in every sample.
        places
            .into_iter()
            .flatten()
            .filter_map(|place| match serde_json::from_str(place.get()) {
                Ok(Value::String(id)) => Some(id),
                _ => None,
            })
            .find(|id| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }
}

#[cfg(test)]
mod tests;
