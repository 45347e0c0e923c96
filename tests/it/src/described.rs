//! Every answer of every test against the OpenAPI document: its status, its code and sentence, its fields to the last one. And
//! what was done as asked must be a request that the document allows.

use std::fs;
use std::sync::OnceLock;

use anyhow::{Result, bail};
use openapi::Api;
use serde_json::Value;

use crate::event::{Answer, Event};

/// The document, read once.
fn api() -> Result<&'static Api> {
    static API: OnceLock<Api> = OnceLock::new();
    if API.get().is_none() {
        _ = API.set(Api::of_checkout(&openapi::workspace())?);
    }
    Ok(API.get().unwrap())
}

/// Fails with what the document does not say.
pub fn check(event: &Event, answer: &Answer) -> Result<()> {
    let content_type = answer.headers.get("content-type").map(String::as_str);
    if let Some(problem) = api()?.problem_of_answer(&event.function, answer.status, content_type, &answer.body) {
        bail!("the OpenAPI document is not what is answered: {problem}");
    }
    // A post that is tried out may be anything: what is wrong with it is the answer.
    if !(200..400).contains(&answer.status) || answer.data()["valid"] == false {
        return Ok(());
    }
    let sent = event.value();
    let query = sent["rawQueryString"].as_str().unwrap_or_default();
    let body = sent["body"].as_str().filter(|_| sent["isBase64Encoded"] != true);
    match api()?.problem_of_request(&event.function, query, body) {
        Some(problem) => bail!("the OpenAPI document does not allow what was done: {problem}"),
        None => Ok(()),
    }
}

/// Keeps the answer to a sample event as the document's example of it, if `RECORD_ANSWERS` is set.
pub fn record(function: &str, answer: &Answer) -> Result<()> {
    if std::env::var_os("RECORD_ANSWERS").is_none() || !answer.body.is_object() {
        return Ok(());
    }
    let mut body = answer.body.clone();
    // The document is public, and finders of leaked secrets know this prefix.
    if let Some(secret) = body.pointer_mut("/data/secret").filter(|secret| secret.is_string()) {
        *secret = Value::from("whsec_…");
    }
    let file = openapi::workspace().join(openapi::ANSWERS).join(format!("{function}.json"));
    Ok(fs::write(file, serde_json::to_string_pretty(&body)? + "\n")?)
}
