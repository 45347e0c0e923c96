//! `GET /api/v1/workbench/wechat/moments/tasks`: the tasks, newest first.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use kernel::page::Page;
use moments::Stores;
use moments::status::TaskStatus;
use moments::tasks;
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem, page_request};
use crate::views::moments::TaskSummary;

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

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    status: Option<TaskStatus>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_PAGE)))]
    page: Option<u64>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_SIZE)))]
    size: Option<u64>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::MOMENT_TASKS.permission).await?;
    let query: Query = request.query()?;
    let wanted = page_request(query.page, query.size)?;
    let page = tasks::list(&app.stores, caller.user_id, query.status, wanted).await?;
    let records = page.records.into_iter().map(TaskSummary::from).collect();
    ApiResponse::ok(Page { records, total: page.total, size: page.size, current: page.current, pages: page.pages })
}
