//! The handle's methods for other processes.

use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::json;

use super::{Content, ContentEndpoint, ContentFault, ContentSettings, Draft};
use crate::fault::ArmedFault;
use crate::steer::{Answer, Body, Refused, shown};

pub(super) fn routes() -> Router<Content> {
    Router::new()
        .route("/drafts", get(drafts).post(put))
        .route("/drafts/{id}", delete(remove))
        .route("/settings", get(settings).put(replace_settings))
        .route("/faults", get(faults).post(arm).delete(clear_faults))
        .route("/faults/{id}", delete(disarm))
}

async fn drafts(State(content): State<Content>) -> Json<Vec<Draft>> {
    Json(content.drafts())
}

async fn put(State(content): State<Content>, body: Body<Draft>) -> Answer {
    let Json(draft) = body?;
    content.put(draft.clone());
    Ok(shown(draft))
}

async fn remove(State(content): State<Content>, Path(id): Path<String>) -> Answer {
    if content.remove(&id) { Ok(shown(content.drafts())) } else { Err(Refused::NoSuch("draft")) }
}

async fn settings(State(content): State<Content>) -> Json<ContentSettings> {
    Json(content.settings())
}

async fn replace_settings(State(content): State<Content>, body: Body<ContentSettings>) -> Answer {
    let Json(settings) = body?;
    content.configure(|current| *current = settings);
    Ok(shown(content.settings()))
}

async fn faults(State(content): State<Content>) -> Json<Vec<ArmedFault<ContentEndpoint>>> {
    Json(content.faults())
}

async fn arm(State(content): State<Content>, body: Body<ContentFault>) -> Answer {
    Ok(Json(json!({"id": content.arm(body?.0)})))
}

async fn disarm(State(content): State<Content>, Path(id): Path<u64>) -> Answer {
    if content.disarm(id) { Ok(shown(content.faults())) } else { Err(Refused::NoSuch("fault")) }
}

async fn clear_faults(State(content): State<Content>) -> Json<Vec<ArmedFault<ContentEndpoint>>> {
    content.clear_faults();
    Json(content.faults())
}
