//! One call as it arrived, for the platforms that speak JSON.

use axum::body::{self, Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

/// A video of 10 MB is refused by the platforms with a code of their own; far beyond it nobody listens any more.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Incoming {
    pub(crate) async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        // An unreadable or oversized body is as good as none: what it should have held is missing then.
        let body = body::to_bytes(Body::new(body), LARGEST_BODY).await.unwrap_or_default();
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Self { method: parts.method, headers: parts.headers, query, body }
    }

    /// A query parameter; empty is missing.
    pub(crate) fn in_query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A header; empty is missing.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
    }

    /// `type/subtype` without parameters, in lower case.
    pub(crate) fn content_type(&self) -> String {
        let whole = self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the body writes characters beyond ASCII as `\u` escapes.
    pub(crate) fn escapes_characters(&self) -> bool {
        let mut rest = self.body.iter();
        while rest.any(|byte| *byte == b'\\') {
            let digits = rest.as_slice().get(1..5);
            // Skipped with its backslash, so that an escaped backslash before a `u` is not taken for an escape.
            if rest.next() == Some(&b'u') && digits > Some(b"007f".as_slice()) {
                return true;
            }
        }
        false
    }
}

/// A name fit for the journal; a token sent as a name must not get there whole.
pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn incoming_request_has_query_headers_and_json() {
        let request = Request::post("/x?a=1&b=&c=%E5%BC%A0")
            .header("content-type", "Application/JSON; charset=utf-8")
            .body(Body::from(r#"{"text":"\u5f20\n"}"#))
            .unwrap();
        let incoming = Incoming::read(request).await;
        assert_eq!((incoming.in_query("a"), incoming.in_query("b")), (Some("1"), None));
        assert_eq!(incoming.in_query("c"), Some("张"));
        assert_eq!(incoming.content_type(), "application/json");
        assert_eq!(incoming.json().unwrap()["text"], "张\n");
        assert!(incoming.escapes_characters());
        let plain = Incoming { body: Bytes::from_static(br#"{"text":"\n \u0007 plain \\u5f20"}"#), ..incoming };
        assert!(!plain.escapes_characters());
    }
}
