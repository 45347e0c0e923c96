//! `POST /api/v1/webhooks/{webhookId}/test`: has a test sent.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use webhooks::DeliveryRequests;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::webhooks::DeliveryView;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    requests: DeliveryRequests,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, requests: DeliveryRequests::new(cx)? })
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WEBHOOK_TEST.permission).await?;
    let webhook_id: String = request.path_id("webhookId", "webhook")?;
    let delivery = app.requests.test(&caller, &webhook_id).await?;
    ApiResponse::accepted(DeliveryView::from(delivery))
}
