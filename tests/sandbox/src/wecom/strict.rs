//! What a strict reader of the documents would object to in a call, although WeCom lets it pass.

use super::endpoint::WecomEndpoint;
use crate::incoming::{Incoming, printable};

pub(super) fn violations(endpoint: WecomEndpoint, request: &Incoming) -> Vec<String> {
    let mut found = Vec::new();
    if request.method != endpoint.method() {
        found.push(format!("sent as {}", request.method));
    }
    if request.header("authorization").is_some() {
        found.push("token in the authorization header, which is not read".to_owned());
    }
    for (name, _) in &request.query {
        match name.as_str() {
            "debug" => found.push("debug in the query, which is no place for it in production".to_owned()),
            name if !endpoint.query().contains(&name) => {
                found.push(format!("undocumented parameter {}", printable(name)));
            }
            _ => {}
        }
    }
    if endpoint.takes_json() {
        let content_type = request.content_type();
        if content_type != "application/json" {
            found.push(format!("content-type {} where JSON is due", printable(&content_type)));
        }
        if request.escapes_characters() {
            found.push("characters escaped as \\u where UTF-8 is due".to_owned());
        }
        for field in request.json().unwrap_or_default().keys() {
            if field == "access_token" {
                found.push("token in the body, which is not read".to_owned());
            } else if !endpoint.body().contains(&field.as_str()) {
                found.push(format!("undocumented field {}", printable(field)));
            }
        }
    } else if !endpoint.takes_file() && !request.body.is_empty() {
        found.push("a body where none is read".to_owned());
    }
    found
}
