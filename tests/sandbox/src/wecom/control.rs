//! The handle's methods for other processes: `cargo dev`, the demo, a person with curl.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::corp::{CorpSpec, MemberSpec};
use super::handle::ByHand;
use super::moment::ConfirmError;
use super::{CorpView, FileView, MomentTaskView, Wecom, WecomEndpoint, WecomFault, WecomSettings};
use crate::fault::ArmedFault;
use crate::steer::{Answer, Body, Refused, shown};

pub(super) fn routes() -> Router<Wecom> {
    Router::new()
        .route("/settings", get(settings).put(replace_settings))
        .route("/corps", get(corps).post(add_corp))
        .route("/corps/{name}/members", post(put_member))
        .route("/corps/{name}/app", post(change_app))
        .route("/corps/{name}/tokens/void", post(void_tokens))
        .route("/corps/{name}/tokens/expire", post(expire_tokens))
        .route("/corps/{name}/posts", post(post_by_hand))
        .route("/moments", get(moments))
        .route("/moments/{id}", get(moment))
        .route("/moments/{id}/confirm", post(confirm))
        .route("/uploads", get(uploads))
        .route("/faults", get(faults).post(arm).delete(clear_faults))
        .route("/faults/{id}", delete(disarm))
}

const NO_CORP: Refused = Refused::NoSuch("corp");

impl From<ConfirmError> for Refused {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::UnknownMoment => Self::NoSuch("moment"),
            other => Self::Conflict(other.to_string()),
        }
    }
}

async fn settings(State(wecom): State<Wecom>) -> Json<WecomSettings> {
    Json(wecom.settings())
}

async fn replace_settings(State(wecom): State<Wecom>, body: Body<WecomSettings>) -> Answer {
    let Json(settings) = body?;
    wecom.configure(|current| *current = settings);
    Ok(shown(wecom.settings()))
}

/// What a person needs to connect one: the secrets are in it.
async fn corps(State(wecom): State<Wecom>) -> Json<Vec<CorpView>> {
    Json(wecom.corps())
}

async fn add_corp(State(wecom): State<Wecom>, body: Body<CorpSpec>) -> Answer {
    Ok(shown(wecom.add_corp(body?.0)))
}

async fn put_member(State(wecom): State<Wecom>, Path(name): Path<String>, body: Body<MemberSpec>) -> Answer {
    let Json(member) = body?;
    wecom.put_member(&name, member);
    wecom.corp(&name).map(shown).ok_or(NO_CORP)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AppChange {
    secret: Option<String>,
    enabled: Option<bool>,
    contacts_permitted: Option<bool>,
    trusted_ips: Option<BTreeSet<IpAddr>>,
}

async fn change_app(State(wecom): State<Wecom>, Path(name): Path<String>, body: Body<AppChange>) -> Answer {
    let Json(change) = body?;
    wecom.change_app(&name, |app| {
        app.enabled = change.enabled.unwrap_or(app.enabled);
        app.contacts_permitted = change.contacts_permitted.unwrap_or(app.contacts_permitted);
        if change.secret.is_some() {
            app.secret = change.secret;
        }
        if change.trusted_ips.is_some() {
            app.trusted_ips = change.trusted_ips;
        }
    });
    wecom.corp(&name).map(shown).ok_or(NO_CORP)
}

async fn void_tokens(State(wecom): State<Wecom>, Path(name): Path<String>) -> Answer {
    wecom.void_tokens(&name);
    wecom.corp(&name).map(|_| Json(json!({"voided": name}))).ok_or(NO_CORP)
}

async fn expire_tokens(State(wecom): State<Wecom>, Path(name): Path<String>) -> Answer {
    wecom.expire_tokens(&name);
    wecom.corp(&name).map(|_| Json(json!({"expired": name}))).ok_or(NO_CORP)
}

async fn post_by_hand(State(wecom): State<Wecom>, Path(name): Path<String>, body: Body<ByHand>) -> Answer {
    let moment_id = wecom.post_by_hand(&name, body?.0).ok_or(NO_CORP)?;
    Ok(Json(json!({"momentId": moment_id})))
}

async fn moments(State(wecom): State<Wecom>) -> Json<Vec<MomentTaskView>> {
    Json(wecom.moment_tasks())
}

async fn moment(State(wecom): State<Wecom>, Path(id): Path<String>) -> Answer {
    wecom.moment_task(&id).map(shown).ok_or(Refused::NoSuch("moment"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    /// Absent: everybody who was asked.
    userid: Option<String>,
}

async fn confirm(State(wecom): State<Wecom>, Path(id): Path<String>, body: Body<Confirmation>) -> Answer {
    match body?.0.userid {
        Some(userid) => drop(wecom.confirm(&id, &userid)?),
        None => drop(wecom.confirm_all(&id)?),
    }
    moment(State(wecom), Path(id)).await
}

async fn uploads(State(wecom): State<Wecom>) -> Json<Vec<FileView>> {
    Json(wecom.uploads())
}

async fn faults(State(wecom): State<Wecom>) -> Json<Vec<ArmedFault<WecomEndpoint>>> {
    Json(wecom.faults())
}

async fn arm(State(wecom): State<Wecom>, body: Body<WecomFault>) -> Answer {
    Ok(Json::<Value>(json!({"id": wecom.arm(body?.0)})))
}

async fn disarm(State(wecom): State<Wecom>, Path(id): Path<u64>) -> Answer {
    if wecom.disarm(id) { Ok(shown(wecom.faults())) } else { Err(Refused::NoSuch("fault")) }
}

async fn clear_faults(State(wecom): State<Wecom>) -> Json<Vec<ArmedFault<WecomEndpoint>>> {
    wecom.clear_faults();
    Json(wecom.faults())
}
