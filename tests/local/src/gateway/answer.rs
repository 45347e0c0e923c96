//! What a client is answered: what a function says, or API Gateway's own errors.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A function's answer in the format of payload version 2.0. One without a status is a body that is answered as JSON; ours
/// always have one, so it is an error here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionAnswer {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// As a response, or nothing if the answer is malformed.
pub(super) fn response(answer: Value) -> Option<Response<Body>> {
    let answer: FunctionAnswer = serde_json::from_value(answer).ok()?;
    let body = if answer.is_base64_encoded { STANDARD.decode(&answer.body).ok()? } else { answer.body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(text.as_bytes()).ok()?);
    }
    for cookie in answer.cookies {
        headers.append(header::SET_COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).ok()?);
    }
    Some(response)
}

/// API Gateway's own answer: no envelope of ours, and an English sentence.
pub(super) fn own(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
