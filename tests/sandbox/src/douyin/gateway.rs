//! The door every server-side call passes: latency, faults, the decision, the journal, and what becomes of the answer.

use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::Douyin;
use super::api::{About, Call};
use super::endpoint::Endpoint;
use super::fault::{Effect, Fault};
use super::json::Fields;
use super::request::Incoming;
use super::world::World;
use crate::connection::Cut;
use crate::journal::Entry;

const UNKNOWN_URI: i64 = 28_001_017;
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

/// What goes back to the caller, and when.
struct Exchange {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    after: Duration,
    fate: Fate,
}

enum Fate {
    Answered,
    Silent,
    Dropped,
}

pub(super) fn routes() -> Router<Douyin> {
    let mut router = Router::new().fallback(unknown);
    for endpoint in Endpoint::SERVED {
        let serve = move |State(douyin): State<Douyin>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request| {
            serve(douyin, endpoint, cut, request)
        };
        // Callers write both forms; neither is redirected, because a redirect would turn a POST into a GET.
        router = router
            .route(&format!("/{}", endpoint.name()), any(serve))
            .route(&format!("/{}/", endpoint.name()), any(serve));
    }
    router
}

async fn serve(douyin: Douyin, endpoint: Endpoint, cut: Cut, request: Request) -> Response {
    let request = Incoming::read(request).await;
    douyin.pause(douyin.latency()).await;
    let exchange = exchange(&douyin, endpoint, &request);
    douyin.pause(exchange.after).await;
    match exchange.fate {
        Fate::Answered => {}
        Fate::Silent => {
            douyin.until_shutdown().await;
            cut.cut();
        }
        Fate::Dropped => cut.cut(),
    }
    (exchange.status, [(header::CONTENT_TYPE, exchange.content_type)], exchange.body).into_response()
}

async fn unknown(State(douyin): State<Douyin>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(80).collect();
    douyin.journal(Entry {
        endpoint: "unknown".to_owned(),
        code: Some(UNKNOWN_URI),
        violations: vec![format!("no such path: {path}")],
        ..Entry::default()
    });
    // In every shape at once: a client of another shape would otherwise read it as an empty success.
    let legacy = format!(r#"{{"error_code":{UNKNOWN_URI},"description":"uri不存在"}}"#);
    let body = format!(
        r#"{{"err_no":{UNKNOWN_URI},"err_msg":"uri不存在","log_id":"","message":"error","data":{legacy},"extra":{legacy}}}"#
    );
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}

/// The part under the lock: everything is decided and recorded at one instant.
fn exchange(douyin: &Douyin, endpoint: Endpoint, request: &Incoming) -> Exchange {
    let mut world = douyin.world();
    let now = douyin.clock().now();
    let about = About::of(&world, endpoint, request);
    let account = about.account.as_deref();
    let fault = world.faults.meet(endpoint, account, about.page, now);
    match (&fault, account) {
        (Some(Fault { effect: Effect::ExpireToken, .. }), Some(account)) => world.expire_access_tokens(account, now),
        (Some(Fault { effect: Effect::Revoke, .. }), Some(account)) => {
            world.authority.revoke(account, None);
        }
        _ => {}
    }

    let mut call = Call::new(&mut world, endpoint, request, now);
    let result = decide(&mut world, &mut call, fault.as_ref());
    let code = result.as_ref().map(|result| result.as_ref().err().copied().unwrap_or_default());
    let body = result.map(|result| call.wrap(result));
    douyin.journal(Entry {
        at: now,
        endpoint: endpoint.name().to_owned(),
        code,
        fault: fault.as_ref().map(Fault::label),
        account: about.account,
        cursor: about.cursor,
        page: about.page,
        violations: call.violations,
        ..Entry::default()
    });
    deliver(fault.as_ref(), body)
}

/// The platform's decision; nothing when it never got to one.
fn decide(world: &mut World, call: &mut Call<'_>, fault: Option<&Fault>) -> Option<Result<Fields, i64>> {
    match fault.map(|fault| fault.effect) {
        Some(Effect::Code { code }) => return Some(Err(code)),
        Some(Effect::EmptyTokens) => call.blank_tokens = true,
        _ => {}
    }
    if fault.is_some_and(|fault| !fault.is_carried_out()) || !call.endpoint.allows(&call.request.method) {
        return None;
    }
    // Empty tokens that were not carried out: decided as usual, so that the answer looks right, then undone.
    let before = (call.blank_tokens && fault.is_some_and(|fault| !fault.processed))
        .then(|| (world.authority.clone(), world.client_tokens.clone()));
    let result = call.decide(world);
    if let Some((authority, client_tokens)) = before {
        (world.authority, world.client_tokens) = (authority, client_tokens);
    }
    Some(result)
}

fn deliver(fault: Option<&Fault>, body: Option<String>) -> Exchange {
    let answer = |status, content_type, body: &str| Exchange {
        status,
        content_type,
        body: body.to_owned(),
        after: fault.and_then(Fault::delay).unwrap_or_default(),
        fate: Fate::Answered,
    };
    match (fault.map(|fault| fault.effect), body) {
        (Some(Effect::Http { status }), _) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            answer(status, HTML, "<html><head><title>Error</title></head><body><hr>Tengine</body></html>")
        }
        (Some(Effect::NotJson), _) => answer(StatusCode::OK, HTML, "<html><body>系统维护中</body></html>"),
        (Some(Effect::EmptyBody), _) => answer(StatusCode::OK, JSON, ""),
        (Some(Effect::Drop), _) => Exchange { fate: Fate::Dropped, ..answer(StatusCode::OK, JSON, "") },
        (Some(Effect::Hang { milliseconds: None }), _) => {
            Exchange { fate: Fate::Silent, ..answer(StatusCode::OK, JSON, "") }
        }
        (_, Some(body)) => Exchange { body, ..answer(StatusCode::OK, JSON, "") },
        (_, None) => answer(StatusCode::METHOD_NOT_ALLOWED, HTML, "<html><body>Method Not Allowed</body></html>"),
    }
}
