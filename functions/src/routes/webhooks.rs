//! `GET /api/v1/webhooks`: the tenant's webhooks.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use webhooks::Webhooks;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::webhooks::WebhookView;

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

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WEBHOOKS.permission).await?;
    let webhooks = app.webhooks.list(&caller).await?;
    ApiResponse::ok(webhooks.into_iter().map(WebhookView::from).collect::<Vec<_>>())
}
