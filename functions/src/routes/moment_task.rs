//! `GET /api/v1/workbench/wechat/moments/tasks/{taskId}`: the state of a task, account by account.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::status::ResultStatus;
use moments::{Stores, tasks};
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem, page_request};
use crate::views::moments::{Shown, TaskView};

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
#[serde(rename_all = "camelCase")]
pub(crate) struct Query {
    account_status: Option<ResultStatus>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_PAGE)))]
    page: Option<u64>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_SIZE)))]
    size: Option<u64>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::MOMENT_TASK.permission).await?;
    let task = request.path_id("taskId", "moment task")?;
    let Query { account_status, page, size } = request.query()?;
    let is_paged = page.is_some() || size.is_some();
    let page = if is_paged { Some(page_request(page, size)?) } else { None };
    let progress = tasks::progress(&app.stores, caller.user_id, task).await?;
    ApiResponse::ok(TaskView::new(progress, Shown { status: account_status, page }))
}
