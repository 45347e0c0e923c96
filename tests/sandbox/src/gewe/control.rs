//! The handle's methods for other processes: `cargo dev`, the demo, a person with curl.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::device::{DeviceSpec, DeviceState};
use super::{DeviceView, Gewe, GeweEndpoint, GeweFault, GeweSettings, PostView};
use crate::fault::ArmedFault;
use crate::steer::{Answer, Body, Refused, shown};

pub(super) fn routes() -> Router<Gewe> {
    Router::new()
        .route("/account", get(account))
        .route("/settings", get(settings).put(replace_settings))
        .route("/devices", get(devices).post(add_device))
        .route("/devices/{name}", post(change_device))
        .route("/devices/{name}/offline", post(go_offline))
        .route("/devices/{name}/posts", get(posts_of).post(post_by_hand))
        .route("/posts", get(posts))
        .route("/friends/{name}/posts", post(post_by_friend))
        .route("/callback", post(set_callback))
        .route("/faults", get(faults).post(arm).delete(clear_faults))
        .route("/faults/{id}", delete(disarm))
}

const NO_DEVICE: Refused = Refused::NoSuch("device");

/// What a person needs to connect a device.
async fn account(State(gewe): State<Gewe>) -> Json<Value> {
    let callback = gewe.world().callback.clone();
    Json(json!({"baseUrl": gewe.base_url(), "token": gewe.token(), "callback": callback, "devices": gewe.devices()}))
}

async fn settings(State(gewe): State<Gewe>) -> Json<GeweSettings> {
    Json(gewe.settings())
}

async fn replace_settings(State(gewe): State<Gewe>, body: Body<GeweSettings>) -> Answer {
    let Json(settings) = body?;
    gewe.configure(|current| *current = settings);
    Ok(shown(gewe.settings()))
}

async fn devices(State(gewe): State<Gewe>) -> Json<Vec<DeviceView>> {
    Json(gewe.devices())
}

async fn add_device(State(gewe): State<Gewe>, body: Body<DeviceSpec>) -> Answer {
    Ok(shown(gewe.add_device(body?.0)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceChange {
    state: Option<DeviceState>,
    cooldown_seconds: Option<u64>,
    shadowed: Option<bool>,
    wxid: Option<String>,
}

async fn change_device(State(gewe): State<Gewe>, Path(name): Path<String>, body: Body<DeviceChange>) -> Answer {
    let Json(change) = body?;
    if let Some(state) = change.state {
        gewe.set_state(&name, state);
    }
    if let Some(seconds) = change.cooldown_seconds {
        gewe.cool_down(&name, Duration::from_secs(seconds));
    }
    if let Some(shadowed) = change.shadowed {
        gewe.shadow(&name, shadowed);
    }
    if let Some(wxid) = change.wxid {
        gewe.log_in(&name, &wxid);
    }
    gewe.device(&name).map(shown).ok_or(NO_DEVICE)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offline {
    /// How many more times the same message is sent.
    #[serde(default)]
    copies: u32,
}

async fn go_offline(State(gewe): State<Gewe>, Path(name): Path<String>, body: Body<Offline>) -> Answer {
    let Json(order) = body?;
    if gewe.device(&name).is_none() {
        return Err(NO_DEVICE);
    }
    let delivery = gewe.go_offline(&name, order.copies).await;
    Ok(Json(json!({"device": gewe.device(&name), "delivery": delivery})))
}

async fn posts(State(gewe): State<Gewe>) -> Json<Vec<PostView>> {
    Json(gewe.published_posts())
}

async fn posts_of(State(gewe): State<Gewe>, Path(name): Path<String>) -> Json<Vec<PostView>> {
    Json(gewe.posts_of(&name))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    text: String,
}

async fn post_by_hand(State(gewe): State<Gewe>, Path(name): Path<String>, body: Body<ByHand>) -> Answer {
    let id = gewe.post_by_hand(&name, &body?.0.text).ok_or(NO_DEVICE)?;
    Ok(Json(json!({"id": id.to_string()})))
}

async fn post_by_friend(State(gewe): State<Gewe>, Path(name): Path<String>, body: Body<ByHand>) -> Answer {
    let id = gewe.post_by_friend(&name, &body?.0.text).ok_or(Refused::NoSuch("friend: it is a device"))?;
    Ok(Json(json!({"id": id.to_string()})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Callback {
    /// Null removes it.
    url: Option<Url>,
}

async fn set_callback(State(gewe): State<Gewe>, body: Body<Callback>) -> Answer {
    gewe.set_callback(body?.0.url);
    Ok(account(State(gewe)).await)
}

async fn faults(State(gewe): State<Gewe>) -> Json<Vec<ArmedFault<GeweEndpoint>>> {
    Json(gewe.faults())
}

async fn arm(State(gewe): State<Gewe>, body: Body<GeweFault>) -> Answer {
    Ok(Json(json!({"id": gewe.arm(body?.0)})))
}

async fn disarm(State(gewe): State<Gewe>, Path(id): Path<u64>) -> Answer {
    if gewe.disarm(id) { Ok(shown(gewe.faults())) } else { Err(Refused::NoSuch("fault")) }
}

async fn clear_faults(State(gewe): State<Gewe>) -> Json<Vec<ArmedFault<GeweEndpoint>>> {
    gewe.clear_faults();
    Json(gewe.faults())
}
