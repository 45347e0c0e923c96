//! `DELETE /api/v1/webhooks/{webhookId}`: deletes a webhook.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use serde::Serialize;
use webhooks::Webhooks;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    webhooks: Webhooks,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, webhooks: Webhooks::new(cx)? })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    webhook_id: String,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WEBHOOK_DELETE.permission).await?;
    let webhook_id: String = request.path_id("webhookId", "webhook")?;
    app.webhooks.delete(&caller, &webhook_id).await?;
    ApiResponse::ok(Answer { webhook_id })
}
