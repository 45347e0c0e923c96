//! A request to AWS as it is on the wire: in a JSON protocol, where a header names the operation, or in REST, where
//! method and path do.

use anyhow::{Context, Result};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::Value;

const TARGET: &str = "x-amz-target";
const SCHEME: &str = "AWS4-HMAC-SHA256";
const CREDENTIAL: &str = "Credential=";

pub(super) struct Request {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    /// `DynamoDB_20120810`, or `scheduler` in REST.
    pub service: String,
    /// `Query`, or `POST /schedules` in REST.
    pub operation: String,
    pub body: Value,
}

impl Request {
    pub fn read(method: Method, uri: &Uri, headers: HeaderMap, body: &[u8]) -> Result<Self> {
        let (service, operation) = match headers.get(TARGET) {
            Some(target) => {
                let (service, operation) = target.to_str()?.rsplit_once('.').context("no operation")?;
                (service.to_owned(), operation.to_owned())
            }
            None => {
                let resource = uri.path().split('/').nth(1).unwrap_or_default();
                (signed_for(&headers)?.to_owned(), format!("{method} /{resource}"))
            }
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { method, path, headers, service, operation, body: serde_json::from_slice(body)? })
    }

    /// A request of our own as the sender of this one, in its JSON protocol.
    pub fn like(&self, operation: &str, body: Value) -> Result<Self> {
        let mut headers = self.headers.clone();
        headers.insert(TARGET, HeaderValue::try_from(format!("{}.{operation}", self.service))?);
        // Its key id is the account's and, after a dot, the function's, whose role may not do all that we ask.
        if let Some((account, scope)) = self.credential() {
            headers.insert(
                header::AUTHORIZATION,
                HeaderValue::try_from(format!("{SCHEME} {CREDENTIAL}{account}/{scope}"))?,
            );
        }
        let (method, path) = (self.method.clone(), self.path.clone());
        Ok(Self { method, path, headers, service: self.service.clone(), operation: operation.to_owned(), body })
    }

    /// The account that signed, and everything after its key id.
    fn credential(&self) -> Option<(&str, &str)> {
        let signature = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (key_id, rest) = signature.split_once(CREDENTIAL)?.1.split_once('/')?;
        Some((key_id.split_once('.').map_or(key_id, |(account, _)| account), rest))
    }

    pub fn is_dynamodb(&self) -> bool {
        self.service.starts_with("DynamoDB")
    }

    /// What it is called in figures: `DynamoDB Query`.
    pub fn name(&self) -> String {
        let service = self.service.split('_').next().unwrap_or_default();
        format!("{service} {}", self.operation)
    }
}

/// The service in the scope of the signature: `Credential=<key>/<day>/<region>/<service>/aws4_request`.
fn signed_for(headers: &HeaderMap) -> Result<&str> {
    let signature = headers.get(header::AUTHORIZATION).context("a request without a signature")?.to_str()?;
    let (_, scope) = signature.split_once(CREDENTIAL).context("a signature without a scope")?;
    scope.split('/').nth(3).context("a scope without a service")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meter_names_requests_of_both_protocols() {
        let read = |uri: &'static str, name: &'static str, value: &'static str| {
            let headers = [(header::HeaderName::from_static(name), HeaderValue::from_static(value))];
            Request::read(Method::POST, &Uri::from_static(uri), headers.into_iter().collect(), b"{}")
        };
        let query = read("/", TARGET, "DynamoDB_20120810.Query").unwrap();
        assert_eq!((query.name().as_str(), query.is_dynamodb()), ("DynamoDB Query", true));
        let scope = "AWS4-HMAC-SHA256 Credential=1/20261121/us-east-1/scheduler/aws4_request, Signature=0";
        let create = read("/schedules/moment-7?x=1", "authorization", scope).unwrap();
        assert_eq!(
            (create.name().as_str(), create.path.as_str()),
            ("scheduler POST /schedules", "/schedules/moment-7?x=1")
        );
        assert!(read("/", "authorization", "Bearer x").is_err(), "what has no name must not pass uncounted");
    }
}
