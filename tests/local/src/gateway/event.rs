//! The event of a request: payload version 2.0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Version, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::routes::{Route, decoded};
use crate::aws::ACCOUNT;

/// The id of the one API.
const API_ID: &str = "local";

/// What API Gateway knows of a request besides the request itself.
pub(super) struct Received<'a> {
    pub(super) route: &'a Route,
    pub(super) path_parameters: BTreeMap<String, String>,
    pub(super) source: IpAddr,
    pub(super) id: &'a str,
    pub(super) at: Timestamp,
}

/// Makes the event.
pub(super) fn event(received: &Received<'_>, request: &Parts, body: &[u8]) -> Value {
    let path = decoded(request.uri.path());
    let query = request.uri.query().unwrap_or_default();
    let host = text(&request.headers, header::HOST).unwrap_or_default();
    let key = received.route.key();
    let version = if request.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    let user_agent = text(&request.headers, header::USER_AGENT).unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": &key,
        "rawPath": &path,
        "rawQueryString": query,
        "headers": headers(&request.headers, received.source, &host),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": &host,
            "domainPrefix": host.split(['.', ':']).next().unwrap_or_default(),
            "http": {
                "method": request.method.as_str(),
                "path": &path,
                "protocol": version,
                "sourceIp": received.source,
                "userAgent": user_agent,
            },
            "requestId": received.id,
            "routeKey": &key,
            "stage": "$default",
            "time": received.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": received.at.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    // What is empty is not there.
    let mut put = |name: &str, value: Value| {
        if let Some(event) = event.as_object_mut() {
            event.insert(name.to_owned(), value);
        }
    };
    let cookies = cookies(&request.headers);
    if !cookies.is_empty() {
        put("cookies", cookies.into());
    }
    if !query.is_empty() {
        put("queryStringParameters", joined_query(query));
    }
    if !received.path_parameters.is_empty() {
        put("pathParameters", json!(received.path_parameters));
    }
    match std::str::from_utf8(body) {
        _ if body.is_empty() => {}
        Ok(body) if is_text(&request.headers) => put("body", body.into()),
        _ => {
            put("body", STANDARD.encode(body).into());
            put("isBase64Encoded", true.into());
        }
    }
    event
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned())
}

/// By names in lower case, repeated ones joined by commas, without cookies, with what a proxy adds.
fn headers(request: &HeaderMap, source: IpAddr, host: &str) -> Map<String, Value> {
    let mut joined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.iter().filter(|(name, _)| *name != header::COOKIE && *name != header::CONNECTION) {
        let values = joined.entry(name.as_str().to_owned()).or_default();
        values.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    joined.entry("x-forwarded-for".to_owned()).or_default().push(source.to_string());
    for (name, value) in [("x-forwarded-port", port), ("x-forwarded-proto", "http")] {
        joined.insert(name.to_owned(), vec![value.to_owned()]);
    }
    joined.into_iter().map(|(name, values)| (name, values.join(",").into())).collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|line| line.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .map(str::to_owned)
        .collect()
}

fn joined_query(query: &str) -> Value {
    let mut joined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        joined.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    joined.into_iter().map(|(name, values)| (name, Value::from(values.join(",")))).collect::<Map<_, _>>().into()
}

/// Whether API Gateway hands a body over as text. Forms and everything else come as base64.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = text(headers, header::CONTENT_TYPE) else { return true };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/") || ["application/json", "application/javascript", "application/xml"].contains(&&*kind)
}
