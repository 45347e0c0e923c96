//! What the control APIs of the platforms have in common.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request the control API cannot carry out, in one sentence.
pub(crate) enum Refused {
    NoSuch(&'static str),
    Unreadable(String),
    Conflict(String),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, problem) = match self {
            Self::NoSuch(what) => (StatusCode::NOT_FOUND, format!("no such {what} in this sandbox")),
            Self::Unreadable(problem) => (StatusCode::BAD_REQUEST, problem),
            Self::Conflict(problem) => (StatusCode::CONFLICT, problem),
        };
        (status, Json(json!({"error": problem}))).into_response()
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        Self::Unreadable(rejection.body_text())
    }
}

pub(crate) type Body<T> = Result<Json<T>, JsonRejection>;
pub(crate) type Answer = Result<Json<Value>, Refused>;

/// A view as JSON; the views have string keys and cannot fail to serialize.
pub(crate) fn shown(view: impl serde::Serialize) -> Json<Value> {
    Json(serde_json::to_value(view).unwrap_or_default())
}
