//! `POST /api/v1/lead/douyin/webhook`: Douyin's events. Their signature, not a token, says who sends them.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::platform_secret::Secrets;
use leads::webhook::{Webhook, WebhookAnswer};
use serde::Serialize;
use serde_json::Value;

use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    webhook: Webhook,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let secrets = Secrets::load(cx).await?;
        let douyin = leads::config::douyin(cx, secrets.clone())?;
        Ok(Self { webhook: Webhook::new(cx, secrets, douyin)? })
    }
}

/// What proves to Douyin that the address is ours.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookChallenge"))]
pub(crate) struct Echo {
    challenge: Value,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (signature, message_id) = (request.header("x-douyin-signature"), request.header("msg-id"));
    match app.webhook.receive(request.body(), signature, message_id).await? {
        WebhookAnswer::Challenge(challenge) => ApiResponse::raw_json(&Echo { challenge }),
        WebhookAnswer::Accepted => ApiResponse::ok(()),
    }
}
