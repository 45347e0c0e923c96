//! What a strict reader of the documents would object to in a call, although the gateway lets it pass.

use super::endpoint::GeweEndpoint;
use crate::incoming::{Incoming, printable};

pub(super) fn violations(endpoint: GeweEndpoint, request: &Incoming) -> Vec<String> {
    let mut found = Vec::new();
    if request.method != axum::http::Method::POST {
        found.push(format!("sent as {}", request.method));
    }
    if request.header("authorization").is_some() {
        found.push("header authorization, which is not read".to_owned());
    }
    for (name, _) in &request.query {
        found.push(format!("query parameter {}, which is not read", printable(name)));
    }
    match request.content_type().as_str() {
        "application/json" => {}
        "" => found.push("no content-type".to_owned()),
        other => found.push(format!("content-type {} where JSON is due", printable(other))),
    }
    let body = request.json().unwrap_or_default();
    for field in body.keys().filter(|field| !endpoint.documents(field)) {
        found.push(format!("undocumented field {}", printable(field)));
    }
    found
}
