//! The control API common to all platforms, for users outside the process. Everything here is also a method of
//! [`crate::Sandbox`] or of what it gives access to. It answers on loopback only, like everything else.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::content::Content;
use crate::douyin::Douyin;
use crate::gewe::Gewe;
use crate::inbox::Inbox;
use crate::journal::{Entry, Journal};
use crate::media::Media;
use crate::publication::Publication;
use crate::secrets::Secrets;
use crate::text_check::TextCheck;
use crate::wecom::Wecom;

#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) douyin: Douyin,
    pub(crate) wecom: Wecom,
    pub(crate) gewe: Gewe,
    pub(crate) content: Content,
    pub(crate) media: Media,
    pub(crate) text_check: TextCheck,
    pub(crate) inbox: Inbox,
}

impl Control {
    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/journal", get(journal))
            .route("/publications", get(publications))
            .route("/clock", get(clock).post(move_clock))
            .route("/secrets", get(secrets))
            .with_state(self.clone())
            .nest("/douyin", self.douyin.control())
            .nest("/wecom", self.wecom.control())
            .nest("/gewe", self.gewe.control())
            .nest("/content", self.content.control())
            .nest("/media", self.media.control())
            .nest("/text-check", self.text_check.control())
            .nest("/inbox", self.inbox.control())
    }

    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.merge(self.douyin.secrets());
        secrets.merge(self.wecom.secrets());
        secrets.merge(self.gewe.secrets());
        secrets.merge(self.content.secrets());
        secrets.merge(self.text_check.secrets());
        secrets.merge(self.inbox.secrets());
        secrets
    }
}

async fn health(State(control): State<Control>) -> Json<Value> {
    let platforms = ["douyin", "wecom", "gewe", "content", "media", "text-check", "inbox"];
    Json(json!({"status": "ok", "now": control.clock.now(), "platforms": platforms}))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn journal(State(control): State<Control>, Query(from): Query<Since>) -> Json<Vec<Entry>> {
    Json(control.journal.since(from.since))
}

async fn publications(State(control): State<Control>) -> Json<Vec<Publication>> {
    control.wecom.catch_up();
    Json(control.journal.publications())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClockView {
    now: Timestamp,
    frozen: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockMove {
    #[serde(default)]
    advance_seconds: u64,
    /// Absent: as before.
    frozen: Option<bool>,
}

async fn clock(State(control): State<Control>) -> Json<ClockView> {
    Json(ClockView { now: control.clock.now(), frozen: control.clock.is_frozen() })
}

async fn move_clock(State(control): State<Control>, Json(order): Json<ClockMove>) -> Json<ClockView> {
    match order.frozen {
        Some(true) => control.clock.freeze(),
        Some(false) => control.clock.resume(),
        None => {}
    }
    control.clock.advance(Duration::from_secs(order.advance_seconds));
    clock(State(control)).await
}

async fn secrets(State(control): State<Control>) -> Json<Secrets> {
    Json(control.secrets())
}
