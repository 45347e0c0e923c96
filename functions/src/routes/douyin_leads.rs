//! `GET /api/v1/lead/douyin/leads`: the lead list.

use kernel::Context;
use kernel::advice::ErrorCode;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::lead_list::RawLeadQuery;
use leads::{Stores, lead_list};
use serde::Deserialize;

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

/// All texts: what they must look like is the query's own business, and so is the error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Query {
    start_time: Option<String>,
    end_time: Option<String>,
    keyword: Option<String>,
    status: Option<String>,
    source_douyin_user_id: Option<String>,
    owner_id: Option<String>,
    page: Option<String>,
    size: Option<String>,
}

impl From<Query> for RawLeadQuery {
    fn from(query: Query) -> Self {
        Self {
            start_time: query.start_time,
            end_time: query.end_time,
            keyword: query.keyword,
            status: query.status,
            source_douyin_user_id: query.source_douyin_user_id,
            owner_id: query.owner_id,
            page: query.page,
            size: query.size,
        }
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEADS.permission).await?;
    let query: Query =
        request.query().map_err(|error| Problem::from(error).with_code(ErrorCode::InvalidDouyinLeadQuery))?;
    let query = RawLeadQuery::from(query).parse()?;
    let page = Box::pin(lead_list::page(&app.stores, caller.user_id, &query)).await?;
    ApiResponse::ok(LeadPageView::from(page))
}
