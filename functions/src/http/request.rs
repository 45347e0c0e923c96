//! A request as handlers see it.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use kernel::caller::Caller;
use kernel::deadline::Deadline;
use kernel::jwt::Authenticator;
use kernel::{Error, Result};
use lambda_runtime::LambdaEvent;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use tracing::Span;
use url::form_urlencoded;

use super::event::HttpEvent;
use super::{body, query};

/// One request. It has no `Debug`: its headers, query and body hold tokens, codes and nicknames.
pub struct ApiRequest {
    event: HttpEvent,
    /// In the order in which problems with them are reported.
    query: Vec<(String, String)>,
    body: Vec<u8>,
    request_id: String,
    deadline_ms: u64,
}

impl From<LambdaEvent<HttpEvent>> for ApiRequest {
    fn from(invocation: LambdaEvent<HttpEvent>) -> Self {
        let LambdaEvent { payload: mut event, context } = invocation;
        let mut query: Vec<_> = form_urlencoded::parse(event.raw_query_string.as_bytes()).into_owned().collect();
        query.sort();
        let body = event.take_body();
        // The invocation's id, which Lambda's own log lines carry; API Gateway's where a test sends an event without one.
        let invocation_id = Some(context.request_id).filter(|id| !id.is_empty());
        let request_id = invocation_id.unwrap_or_else(|| event.request_context.request_id.clone());
        Self { event, query, body, request_id, deadline_ms: context.deadline }
    }
}

impl ApiRequest {
    /// The caller, if their token is good and grants `permission`: the first line of every handler but the
    /// platforms' callbacks.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] or [`Error::PermissionDenied`].
    pub async fn caller(&self, authenticator: &Authenticator, permission: &'static str) -> Result<Caller> {
        let caller = authenticator.authenticate(self.header("authorization")).await?;
        // From here on every line of this request says whose it is, also the one that refuses the permission.
        Span::current().record("user.id", caller.user_id.get());
        caller.require(permission)?;
        Ok(caller)
    }

    /// The query parameters that `T` names. Empty ones count as absent; others are ignored unless `T` carries
    /// `deny_unknown_fields`.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a named one that is repeated or does not parse, and for those `T` denies.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        query::read(&self.query)
    }

    /// The JSON body, of at most `max_bytes` (usually [`MAX_BODY`](super::MAX_BODY)).
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming what is wrong where.
    pub fn json_body<T: DeserializeOwned>(&self, max_bytes: usize) -> Result<T> {
        body::read(&self.body, max_bytes)
    }

    /// The body as it was sent, for signatures over it.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// An id in the path.
    ///
    /// # Errors
    /// [`Error::NotFound`] with `what` when it is none: then there is no such object.
    pub fn path_id<T: FromStr>(&self, name: &str, what: &'static str) -> Result<T> {
        let raw = self.event.path_parameters.get(name).map_or("", String::as_str);
        // API Gateway decodes path parameters and `cargo lambda watch` does not. Decoding twice is harmless here:
        // no id of ours or of a platform contains a percent sign.
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Error::NotFound(what))?;
        if text.is_empty() { None } else { text.parse().ok() }.ok_or(Error::NotFound(what))
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers.get(name).map(String::as_str)
    }

    /// The values of the cookies of this name, in order. API Gateway takes them out of the headers; what else sends
    /// events may leave them there.
    pub fn cookies<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let header = self.header("cookie").into_iter();
        let cookies = self.event.cookies.iter().map(String::as_str).chain(header);
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(move |pair| {
            let (found, value) = pair.split_once('=')?;
            (found.trim() == name).then_some(value.trim())
        })
    }

    pub fn method(&self) -> &str {
        &self.event.request_context.http.method
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the function that answers this will be stopped; `function_timeout` is its configured limit.
    pub fn deadline(&self, now: Timestamp, function_timeout: Duration) -> Deadline {
        Deadline::from_context(self.deadline_ms, now, function_timeout)
    }

    /// The path with its parameters' names in place of their values: few enough to count by, and free of the ids
    /// and secrets in it. (The event's own `routeKey` is always `$default` under `cargo lambda watch`.)
    pub(super) fn route(&self) -> String {
        let segments = self.event.raw_path.split('/').map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let parameter = self
                .event
                .path_parameters
                .iter()
                .find(|(_, value)| !value.is_empty() && (*value == segment || **value == *decoded));
            parameter.map_or_else(|| segment.to_owned(), |(name, _)| format!("{{{name}}}"))
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
pub(super) mod tests;
