//! A request as handlers see it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use kernel::caller::Caller;
use kernel::deadline::Deadline;
use kernel::jwt::Authenticator;
use kernel::{Error, Result};
use lambda_http::http::header::{AUTHORIZATION, COOKIE};
use lambda_http::http::{HeaderMap, Method};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Context, Request, RequestExt};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use tracing::Span;

use super::{body, query};

/// One request. It has no `Debug`: its headers, query and body hold tokens, codes and nicknames.
pub struct ApiRequest {
    method: Method,
    path: String,
    path_parameters: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Body,
    request_id: String,
    deadline_ms: u64,
}

impl From<Request> for ApiRequest {
    fn from(event: Request) -> Self {
        let path_parameters =
            pairs(event.path_parameters_ref().map(|map| map.iter())).into_iter().collect::<BTreeMap<_, _>>();
        let mut query = pairs(event.query_string_parameters_ref().map(|map| map.iter()));
        // The event's map has no order of its own; problems are reported in this one.
        query.sort();
        let (path, request_id) = (event.raw_http_path().to_owned(), request_id(&event));
        let deadline_ms = event.lambda_context_ref().map_or(0, |context| context.deadline);
        let (parts, body) = event.into_parts();
        Self {
            method: parts.method,
            path,
            path_parameters,
            query,
            headers: parts.headers,
            body,
            request_id,
            deadline_ms,
        }
    }
}

fn pairs<'a>(map: Option<impl Iterator<Item = (&'a str, &'a str)>>) -> Vec<(String, String)> {
    map.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The invocation's id, which Lambda's own log lines carry; API Gateway's where a test sends an event without one.
fn request_id(event: &Request) -> String {
    let invocation = event.lambda_context_ref().map(|context: &Context| context.request_id.clone());
    invocation.filter(|id| !id.is_empty()).unwrap_or_else(|| match event.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone().unwrap_or_default(),
        _ => String::new(),
    })
}

impl ApiRequest {
    /// The caller, if their token is good and grants `permission`: the first line of every handler but the
    /// platforms' callbacks.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] or [`Error::PermissionDenied`].
    pub async fn caller(&self, authenticator: &Authenticator, permission: &'static str) -> Result<Caller> {
        let header = match self.headers.get(AUTHORIZATION) {
            Some(value) => Some(value.to_str().map_err(|_| Error::Unauthenticated("the header is not text"))?),
            None => None,
        };
        let caller = authenticator.authenticate(header).await?;
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
        let raw = self.path_parameters.get(name).map_or("", String::as_str);
        // API Gateway decodes path parameters and `cargo lambda watch` does not. Decoding twice is harmless here:
        // no id of ours or of a platform contains a percent sign.
        let text = percent_decode_str(raw).decode_utf8().map_err(|_| Error::NotFound(what))?;
        if text.is_empty() { None } else { text.parse().ok() }.ok_or(Error::NotFound(what))
    }

    /// A header as it was sent, for those that must not be overlooked when they are no text.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        Some(self.headers.get(name)?.as_bytes())
    }

    /// A header, unless absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The values of the cookies of this name, in order, from however many headers. Those that are not text are left
    /// out, whatever else the browser sends along.
    pub fn cookies<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs =
            self.headers.get_all(COOKIE).iter().flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        pairs.filter_map(move |pair| {
            let (found, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
            (found.trim() == name).then_some(value.trim())
        })
    }

    pub fn method(&self) -> &Method {
        &self.method
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
        let segments = self.path.split('/').map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let parameter = self
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
