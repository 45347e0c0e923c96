//! The platform's envelope: `errcode` and `errmsg` beside the data.

use kernel::platform_http::Reply;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::errors::{refused, undecided};
use crate::provider::lenient::{self, Unreadable};
use crate::provider::{Detail, ProviderError};

/// Opens the answer of `endpoint`.
///
/// The code is looked at before anything else: a failure carries the endpoint's lists too, empty. And a success that
/// lacks what the call is for is no answer: no empty token or half a page may pass for one.
pub(super) fn decode<T: DeserializeOwned>(endpoint: Endpoint, reply: &Reply) -> Result<T, ProviderError> {
    // The platform's own failures have status 200, so any other status is from the infrastructure before it.
    if reply.status != 200 {
        return Err(undecided(endpoint, Detail::HttpStatus(reply.status)));
    }
    let unreadable = || undecided(endpoint, Detail::Unreadable);
    let body: Map<String, Value> = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    if let Some((code, errmsg)) = failure(&body).map_err(|Unreadable| unreadable())? {
        return Err(refused(endpoint, code, errmsg));
    }
    // The text of serde's error is dropped: it quotes the offending value, which can be a token.
    serde_json::from_value(Value::Object(body)).map_err(|_| unreadable())
}

/// The code and the words of a failure. Some endpoints leave the code out when all is well.
pub(super) fn failure(body: &Map<String, Value>) -> Result<Option<(i64, &str)>, Unreadable> {
    let code = body.get("errcode").map_or(Ok(None), lenient::integer)?;
    let errmsg = body.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    Ok(code.filter(|code| *code != 0).map(|code| (code, errmsg)))
}

#[cfg(test)]
mod tests;
