//! Answers for drafts.

use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::{Content, ContentEndpoint, jwt};
use crate::connection::Cut;
use crate::fault::Fault;
use crate::incoming::Incoming;
use crate::journal::Entry;
use crate::reply::{JSON, Reply};

pub(super) fn routes() -> Router<Content> {
    Router::new().route("/contents/{id}", get(contents))
}

async fn contents(
    State(content): State<Content>,
    Path(id): Path<String>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let request = Incoming::read(request).await;
    let latency = Duration::from_millis(content.settings().latency_milliseconds);
    content.host().pause(latency).await;
    let reply = exchange(&content, &id, &request);
    content.host().deliver(reply, &cut).await
}

fn exchange(content: &Content, id: &str, request: &Incoming) -> Reply {
    let mut state = content.state();
    let token = request.header("authorization").and_then(jwt::bearer);
    state.tokens_seen.extend(token.map(str::to_owned));
    let user = token.and_then(|token| jwt::user(token, state.settings.jwt_secret.as_deref()));
    let fault = state.faults.meet(ContentEndpoint::Contents, Some(id));
    let is_seen = fault.as_ref().is_none_or(Fault::is_carried_out);
    let found = match (state.drafts.get(id), user) {
        (_, None) => Err((StatusCode::UNAUTHORIZED, "未登录")),
        (Some(draft), Some(user)) if draft.owner_user_id == user => Ok(draft),
        (Some(_), _) if state.settings.foreign_is_forbidden => Err((StatusCode::FORBIDDEN, "无权访问该内容")),
        _ => Err((StatusCode::NOT_FOUND, "内容不存在")),
    };
    let status = found.as_ref().err().map_or(StatusCode::OK, |(status, _)| *status);
    content.host().record(Entry {
        endpoint: "contents".to_owned(),
        code: is_seen.then_some(status.as_u16().into()),
        fault: fault.as_ref().map(Fault::label),
        account: Some(id.to_owned()),
        note: user.map(|user| format!("user {user}")),
        ..Entry::default()
    });
    let body = match found {
        Ok(draft) => serde_json::to_string(draft).unwrap_or_default(),
        Err((status, message)) => refusal(status.as_u16().into(), message),
    };
    Reply::after_fault(fault.as_ref(), is_seen.then(|| Reply::new(status, JSON, body)), |code, message| {
        Reply::json(refusal(code, message.unwrap_or("系统繁忙")))
    })
}

fn refusal(code: i64, message: &str) -> String {
    json!({"code": code, "message": message}).to_string()
}
