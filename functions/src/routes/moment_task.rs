//! `GET /api/v1/workbench/wechat/moments/tasks/{taskId}`: the truth about a task, account by account.

use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::{Stores, tasks};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::moments::TaskView;
use kernel::Context;

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

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::MOMENT_TASK.permission).await?;
    let task = request.path_id("taskId", "moment task")?;
    let (task, results) = tasks::read(&app.stores, caller.user_id, task).await?;
    ApiResponse::ok(TaskView::new(task, results))
}
