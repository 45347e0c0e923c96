//! `GET /api/v1/lead/douyin/leads/export`: the filtered list as a file.

use kernel::Context;
use kernel::advice::ErrorCode;
use kernel::config::ConfigError;
use kernel::instant::CHINA;
use kernel::jwt::Authenticator;
use leads::lead_list::RawLeadQuery;
use leads::{Stores, lead_export};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    stores: Stores,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, stores: Stores::new(cx)? })
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEADS_EXPORT.permission).await?;
    let query: RawLeadQuery =
        request.query().map_err(|error| Problem::from(error).with_code(ErrorCode::InvalidDouyinLeadQuery))?;
    let query = query.without_pages()?.parse()?;
    let export = Box::pin(lead_export::export(&app.stores, &caller, &query)).await?;
    tracing::info!(leads = export.leads, bytes = export.csv.len(), "leads exported");
    let now = CHINA.to_datetime(app.stores.clock.now());
    ApiResponse::csv_file(&now.strftime("douyin-leads-%Y%m%d-%H%M%S.csv").to_string(), export.csv)
}
