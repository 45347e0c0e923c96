//! The sandbox's control API below the page's own address: it has no CORS, and needs none this way.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::Url;

use super::serve::{Refused, Served};

/// No order to the sandbox is longer.
const LARGEST: usize = 1 << 20;

/// Hands `/sandbox/…` on to `/_sandbox/…`, and the answer back.
pub(super) async fn forward(State(served): State<Served>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let target = target(&served.sandbox_url, &parts.uri.to_string()).ok_or(Refused(StatusCode::NOT_FOUND))?;
    let body = to_bytes(body, LARGEST).await.map_err(|_| Refused(StatusCode::PAYLOAD_TOO_LARGE))?;
    let mut order = served.http.request(parts.method, target).body(body);
    if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
        order = order.header(header::CONTENT_TYPE, kind);
    }
    let Ok(answer) = order.send().await else {
        return Ok((StatusCode::BAD_GATEWAY, Json(json!({ "error": "the sandbox does not answer" }))).into_response());
    };
    let (status, kind) = (answer.status(), answer.headers().get(header::CONTENT_TYPE).cloned());
    let body = answer.bytes().await.map_err(|_| Refused(StatusCode::BAD_GATEWAY))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

/// The address in the sandbox. A path with dots leads nowhere else than to its control API.
fn target(sandbox_url: &str, asked: &str) -> Option<Url> {
    let rest = asked.strip_prefix("/sandbox/")?;
    let target = Url::parse(&format!("{sandbox_url}/_sandbox/{rest}")).ok()?;
    target.path().starts_with("/_sandbox/").then_some(target)
}
