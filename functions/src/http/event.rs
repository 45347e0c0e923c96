//! The event of API Gateway's HTTP API, payload version 2.0, and the answer to it: what of them a function needs.
//!
//! `lambda_http` would build a URI of every request, and panics where that fails: at `"`, `<` or a blank in the query, at
//! an unusual `host` or `x-forwarded-proto`. API Gateway then answers 500 without our envelope. Here every event is a
//! request. Format: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http::header::SET_COOKIE;
use serde::{Deserialize, Deserializer, Serialize};

/// One request as API Gateway hands it over. No `Debug`: it holds tokens, codes and nicknames.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEvent {
    /// The path as it was sent, still percent-encoded.
    #[serde(deserialize_with = "or_default")]
    pub(super) raw_path: String,
    /// The query as it was sent, without the question mark.
    #[serde(deserialize_with = "or_default")]
    pub(super) raw_query_string: String,
    /// By names in lower case; the values of a header that came repeatedly are joined by commas.
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: BTreeMap<String, String>,
    /// What the `cookie` headers held, one by one.
    #[serde(deserialize_with = "or_default")]
    pub(super) cookies: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) path_parameters: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    body: String,
    #[serde(deserialize_with = "or_default")]
    is_base64_encoded: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) request_context: RequestContext,
}

/// What API Gateway says about a request.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RequestContext {
    #[serde(deserialize_with = "or_default")]
    pub(super) request_id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) http: RequestLine,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestLine {
    #[serde(deserialize_with = "or_default")]
    pub(super) method: String,
}

/// What is null counts as absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl HttpEvent {
    /// The body as the client sent it. One that is announced as base64 and is none is left as it is: whoever reads it
    /// then refuses it as what it claims to be.
    pub(super) fn take_body(&mut self) -> Vec<u8> {
        let body = std::mem::take(&mut self.body);
        let decoded = if self.is_base64_encoded { STANDARD.decode(&body).ok() } else { None };
        decoded.unwrap_or_else(|| body.into_bytes())
    }
}

/// An answer as API Gateway takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl From<Response<String>> for HttpAnswer {
    fn from(response: Response<String>) -> Self {
        let (parts, body) = response.into_parts();
        let mut answer = Self {
            status_code: parts.status.as_u16(),
            headers: BTreeMap::new(),
            cookies: Vec::new(),
            body,
            is_base64_encoded: false,
        };
        for (name, value) in &parts.headers {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if name == SET_COOKIE {
                answer.cookies.push(text);
            } else {
                answer.headers.insert(name.as_str().to_owned(), text);
            }
        }
        answer
    }
}
