//! `GET /api/v1/lead/douyin/leads`: the lead list.

use kernel::Context;
use kernel::advice::ErrorCode;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::lead_list::RawLeadQuery;
use leads::{Stores, lead_list};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::leads::LeadPageView;

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
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEADS.permission).await?;
    let query: RawLeadQuery =
        request.query().map_err(|error| Problem::from(error).with_code(ErrorCode::InvalidDouyinLeadQuery))?;
    let query = query.parse()?;
    let page = Box::pin(lead_list::page(&app.stores, caller.user_id, &query)).await?;
    ApiResponse::ok(LeadPageView::from(page))
}
