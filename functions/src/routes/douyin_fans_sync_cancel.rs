//! `POST /api/v1/lead/douyin/fans/sync/{taskId}/cancel`: end a sync before it is through. What it has stored stays.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use leads::config::AutoSync;
use leads::{Stores, fan_sync};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::leads::SyncTaskView;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    stores: Stores,
    auto: AutoSync,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, stores: Stores::new(cx)?, auto: AutoSync::new(&cx.env)? })
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_FANS_SYNC_CANCEL.permission).await?;
    let task = request.path_id("taskId", "sync task")?;
    ApiResponse::ok(SyncTaskView::from(fan_sync::cancel(&app.stores, app.auto, &caller, task).await?))
}
