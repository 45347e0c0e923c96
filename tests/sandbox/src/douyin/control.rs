//! The handle's methods for other processes: `cargo dev`, the demo, a person with curl.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::account::AccountSpec;
use super::fan::FanChange;
use super::fault::Fault;
use super::settings::Settings;
use super::webhook::WebhookEvent;
use super::{AccountView, ArmedFault, Douyin};

pub(super) fn routes() -> Router<Douyin> {
    Router::new()
        .route("/app", get(app))
        .route("/redirects", post(add_redirect))
        .route("/settings", get(settings).put(replace_settings))
        .route("/latency", post(set_latency))
        .route("/accounts", get(accounts).post(add_account))
        .route("/accounts/{name}/fans", get(fans).post(change_fans))
        .route("/accounts/{name}/grants", get(grants))
        .route("/accounts/{name}/expire", post(expire))
        .route("/accounts/{name}/revoke", post(revoke))
        .route("/faults", get(faults).post(arm).delete(clear_faults))
        .route("/faults/{id}", delete(disarm))
        .route("/webhook", post(set_webhook))
        .route("/webhook/send", post(send_webhook))
}

/// A request the control API cannot carry out, in one sentence.
enum Refused {
    NoSuch(&'static str),
    Unreadable(String),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, problem) = match self {
            Self::NoSuch(what) => (StatusCode::NOT_FOUND, format!("no such {what} in this sandbox")),
            Self::Unreadable(problem) => (StatusCode::BAD_REQUEST, problem),
        };
        (status, Json(json!({"error": problem}))).into_response()
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        Self::Unreadable(rejection.body_text())
    }
}

type Body<T> = Result<Json<T>, JsonRejection>;
type Answer = Result<Json<Value>, Refused>;

const NO_ACCOUNT: Refused = Refused::NoSuch("account");

/// A view as JSON; the views have string keys and cannot fail to serialize.
fn shown(view: impl serde::Serialize) -> Json<Value> {
    Json(serde_json::to_value(view).unwrap_or_default())
}

async fn app(State(douyin): State<Douyin>) -> Json<Value> {
    let world = douyin.world();
    let app = world.apps.get(douyin.client_key());
    Json(json!({
        "baseUrl": douyin.base_url(),
        "clientKey": douyin.client_key(),
        "redirectUris": app.map(|app| &app.spec.redirect_uris),
        "scopes": app.map(|app| &app.spec.scopes),
        "webhook": app.and_then(|app| app.webhook.as_ref()).map(Url::as_str),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redirect {
    uri: Url,
}

async fn add_redirect(State(douyin): State<Douyin>, body: Body<Redirect>) -> Answer {
    douyin.register_redirect_uri(body?.0.uri);
    Ok(app(State(douyin)).await)
}

async fn settings(State(douyin): State<Douyin>) -> Json<Settings> {
    Json(douyin.settings())
}

async fn replace_settings(State(douyin): State<Douyin>, body: Body<Settings>) -> Answer {
    let Json(settings) = body?;
    douyin.configure(|current| *current = settings);
    Ok(shown(douyin.settings()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    milliseconds: u64,
}

async fn set_latency(State(douyin): State<Douyin>, body: Body<Latency>) -> Answer {
    let Json(latency) = body?;
    douyin.configure(|settings| settings.latency_milliseconds = latency.milliseconds);
    Ok(shown(douyin.settings()))
}

async fn accounts(State(douyin): State<Douyin>) -> Json<Vec<AccountView>> {
    Json(douyin.accounts())
}

async fn add_account(State(douyin): State<Douyin>, body: Body<AccountSpec>) -> Answer {
    let Json(account) = body?;
    Ok(Json(json!({"openId": douyin.add_account(account)})))
}

async fn fans(State(douyin): State<Douyin>, Path(name): Path<String>) -> Answer {
    douyin.fans(&name).map(shown).ok_or(NO_ACCOUNT)
}

async fn change_fans(State(douyin): State<Douyin>, Path(name): Path<String>, body: Body<FanChange>) -> Answer {
    douyin.change_fans(&name, body?.0).map(shown).ok_or(NO_ACCOUNT)
}

async fn grants(State(douyin): State<Douyin>, Path(name): Path<String>) -> Json<Value> {
    shown(douyin.grants(&name))
}

async fn expire(State(douyin): State<Douyin>, Path(name): Path<String>) -> Json<Value> {
    douyin.expire_access_token(&name);
    shown(douyin.grants(&name))
}

async fn revoke(State(douyin): State<Douyin>, Path(name): Path<String>) -> Answer {
    let revocation = douyin.revoke(&name).await.ok_or(NO_ACCOUNT)?;
    Ok(Json(json!({"messageId": revocation.webhook.message_id, "delivery": revocation.delivery})))
}

async fn faults(State(douyin): State<Douyin>) -> Json<Vec<ArmedFault>> {
    Json(douyin.faults())
}

async fn arm(State(douyin): State<Douyin>, body: Body<Fault>) -> Answer {
    Ok(Json(json!({"id": douyin.arm(body?.0)})))
}

async fn disarm(State(douyin): State<Douyin>, Path(id): Path<u64>) -> Answer {
    if douyin.disarm(id) { Ok(shown(douyin.faults())) } else { Err(Refused::NoSuch("fault")) }
}

async fn clear_faults(State(douyin): State<Douyin>) -> Json<Vec<ArmedFault>> {
    douyin.clear_faults();
    Json(douyin.faults())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookAddress {
    /// Null removes it.
    url: Option<Url>,
    /// Sends the challenge first, as the console does, and keeps the address only if it comes back.
    #[serde(default)]
    verify: bool,
}

async fn set_webhook(State(douyin): State<Douyin>, body: Body<WebhookAddress>) -> Answer {
    let Json(address) = body?;
    let is_challenged = address.verify && address.url.is_some();
    douyin.set_webhook(address.url);
    let verified = is_challenged && douyin.verify_webhook().await;
    if is_challenged && !verified {
        douyin.set_webhook(None);
    }
    let Json(mut answer) = app(State(douyin)).await;
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("verified".to_owned(), verified.into());
    }
    Ok(Json(answer))
}

async fn send_webhook(State(douyin): State<Douyin>, body: Body<WebhookEvent>) -> Answer {
    let Json(event) = body?;
    douyin.send_webhook(&event).await.map(shown).ok_or(Refused::NoSuch("webhook address"))
}
