//! `GET /api/v1/lead/douyin/leads/export`: the filtered list as a file.

use jiff::tz::Offset;
use kernel::Context;
use kernel::advice::ErrorCode;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::lead_list::RawLeadQuery;
use leads::{Stores, lead_export};
use serde::Deserialize;

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

/// The filters of the list, without its pages.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Query {
    start_time: Option<String>,
    end_time: Option<String>,
    keyword: Option<String>,
    status: Option<String>,
    source_douyin_user_id: Option<String>,
    owner_id: Option<String>,
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
            page: None,
            size: None,
        }
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_LEADS_EXPORT.permission).await?;
    let query: Query =
        request.query().map_err(|error| Problem::from(error).with_code(ErrorCode::InvalidDouyinLeadQuery))?;
    let query = RawLeadQuery::from(query).parse()?;
    let export = Box::pin(lead_export::export(&app.stores, &caller, &query)).await?;
    tracing::info!(leads = export.leads, bytes = export.csv.len(), "leads exported");
    let now = Offset::constant(8).to_datetime(app.stores.clock.now());
    ApiResponse::csv_file(&now.strftime("douyin-leads-%Y%m%d-%H%M%S.csv").to_string(), export.csv)
}
