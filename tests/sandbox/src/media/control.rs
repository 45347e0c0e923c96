//! The handle's methods for other processes.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::json;

use super::Media;
use super::exhibit::SampleMedium;
use crate::steer::{Answer, Body, Refused};

pub(super) fn routes() -> Router<Media> {
    Router::new()
        .route("/files", get(files))
        .route("/files/{*path}", put(put_file).delete(remove))
        .route("/hits", get(hits))
}

async fn files(State(media): State<Media>) -> Json<BTreeMap<String, SampleMedium>> {
    Json(media.exhibits())
}

async fn put_file(State(media): State<Media>, Path(path): Path<String>, body: Body<SampleMedium>) -> Answer {
    Ok(Json(json!({"url": media.put(&path, body?.0)})))
}

async fn remove(State(media): State<Media>, Path(path): Path<String>) -> Answer {
    if media.remove(&path) { Ok(Json(json!({"removed": path}))) } else { Err(Refused::NoSuch("file")) }
}

async fn hits(State(media): State<Media>) -> Json<BTreeMap<String, u64>> {
    Json(media.all_hits())
}
