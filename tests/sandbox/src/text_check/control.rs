//! The handle's methods for other processes.

use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::json;

use super::{TextCheck, TextCheckEndpoint, TextCheckFault, TextCheckSettings};
use crate::fault::ArmedFault;
use crate::steer::{Answer, Body, Refused, shown};

pub(super) fn routes() -> Router<TextCheck> {
    Router::new()
        .route("/settings", get(settings).put(replace_settings))
        .route("/faults", get(faults).post(arm).delete(clear_faults))
        .route("/faults/{id}", delete(disarm))
}

async fn settings(State(service): State<TextCheck>) -> Json<TextCheckSettings> {
    Json(service.settings())
}

async fn replace_settings(State(service): State<TextCheck>, body: Body<TextCheckSettings>) -> Answer {
    let Json(settings) = body?;
    service.configure(|current| *current = settings);
    Ok(shown(service.settings()))
}

async fn faults(State(service): State<TextCheck>) -> Json<Vec<ArmedFault<TextCheckEndpoint>>> {
    Json(service.faults())
}

async fn arm(State(service): State<TextCheck>, body: Body<TextCheckFault>) -> Answer {
    Ok(Json(json!({"id": service.arm(body?.0)})))
}

async fn disarm(State(service): State<TextCheck>, Path(id): Path<u64>) -> Answer {
    if service.disarm(id) { Ok(shown(service.faults())) } else { Err(Refused::NoSuch("fault")) }
}

async fn clear_faults(State(service): State<TextCheck>) -> Json<Vec<ArmedFault<TextCheckEndpoint>>> {
    service.clear_faults();
    Json(service.faults())
}
