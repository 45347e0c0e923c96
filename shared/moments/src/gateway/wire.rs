//! The gateway's envelope: `{ret, msg, data}`, with HTTP 200 whatever happened.

use kernel::platform_http::Reply;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::errors::{classify, refused, undecided};
use crate::provider::lenient;
use crate::provider::{Detail, ProviderError};

/// Opens the answer of `endpoint`. A success that lacks what the call is for is no answer.
pub(super) fn decode<T: DeserializeOwned>(endpoint: Endpoint, reply: &Reply) -> Result<T, ProviderError> {
    if reply.status != 200 {
        return Err(undecided(endpoint, Detail::HttpStatus(reply.status)));
    }
    let unreadable = || undecided(endpoint, Detail::Unreadable);
    let mut body: Map<String, Value> = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    // Without a code it is no envelope, and neither yes nor no.
    let ret = body.get("ret").map_or(Ok(None), lenient::integer).ok().flatten().ok_or_else(unreadable)?;
    let data = body.remove("data").unwrap_or_default();
    // 200 by the documents; clients in use take 0 for the same.
    if !matches!(ret, 0 | 200) {
        let msg = body.get("msg").and_then(Value::as_str).unwrap_or_default();
        // Which of the two holds the reason differs between the gateway's versions.
        let told = ["detail", "msg"].into_iter().filter_map(|name| data.get(name)?.as_str());
        let known = told.clone().find(|words| classify(endpoint, words) != classify(endpoint, ""));
        return Err(refused(endpoint, ret, msg, known.or_else(|| told.clone().next())));
    }
    // The text of serde's error is dropped: it quotes the offending value.
    serde_json::from_value(data).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests;
