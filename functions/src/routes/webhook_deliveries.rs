//! `GET /api/v1/webhooks/{webhookId}/deliveries`: what a webhook was sent, newest first.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use kernel::page::Page;
use serde::Deserialize;
use webhooks::Webhooks;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem, page_request};
use crate::views::webhooks::DeliveryView;

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

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_PAGE)))]
    page: Option<u64>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_SIZE)))]
    size: Option<u64>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WEBHOOK_DELIVERIES.permission).await?;
    let webhook_id: String = request.path_id("webhookId", "webhook")?;
    let query: Query = request.query()?;
    let wanted = page_request(query.page, query.size)?;
    let page = app.webhooks.deliveries(&caller, &webhook_id, wanted).await?;
    let records = page.records.into_iter().map(DeliveryView::from).collect();
    ApiResponse::ok(Page { records, total: page.total, size: page.size, current: page.current, pages: page.pages })
}
