//! Judges texts.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::json;

use super::{TextCheck, TextCheckEndpoint, TextCheckSettings};
use crate::connection::Cut;
use crate::fault::Fault;
use crate::incoming::Incoming;
use crate::journal::Entry;
use crate::reply::{JSON, Reply};

pub(super) fn routes() -> Router<TextCheck> {
    Router::new().route("/check", post(check))
}

async fn check(State(service): State<TextCheck>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    let request = Incoming::read(request).await;
    service.host().pause(Duration::from_millis(service.settings().latency_milliseconds)).await;
    let reply = exchange(&service, &request);
    service.host().deliver(reply, &cut).await
}

fn exchange(service: &TextCheck, request: &Incoming) -> Reply {
    let mut state = service.state();
    let fault = state.faults.meet(TextCheckEndpoint::Check, None);
    let is_seen = fault.as_ref().is_none_or(Fault::is_carried_out);
    let body = request.json();
    let text = body.as_ref().and_then(|body| body.get("text")?.as_str());
    let is_known = request.header("authorization") == Some(&format!("Bearer {}", state.settings.token));
    let (status, body) = match text {
        _ if !is_known => (StatusCode::UNAUTHORIZED, json!({"error": "invalid token"})),
        None => (StatusCode::BAD_REQUEST, json!({"error": "text is missing"})),
        Some(text) => (StatusCode::OK, json!({"suggestion": suggestion(&state.settings, text)})),
    };
    state.checked += u32::from(is_seen && status == StatusCode::OK);
    service.host().record(Entry {
        endpoint: "check".to_owned(),
        code: is_seen.then_some(status.as_u16().into()),
        fault: fault.as_ref().map(Fault::label),
        ..Entry::default()
    });
    let truth = is_seen.then(|| Reply::new(status, JSON, body.to_string()));
    Reply::after_fault(fault.as_ref(), truth, |code, message| {
        Reply::json(json!({"code": code, "message": message.unwrap_or("busy")}).to_string())
    })
}

fn suggestion(settings: &TextCheckSettings, text: &str) -> &'static str {
    let has = |words: &BTreeSet<String>| words.iter().any(|word| text.contains(word.as_str()));
    match () {
        () if has(&settings.blocked) => "block",
        () if has(&settings.for_review) => "review",
        () => "pass",
    }
}
