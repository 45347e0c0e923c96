//! `POST /api/v1/lead/douyin/fans/sync`: start a sync, or find the one that runs.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::TaskId;
use kernel::jwt::Authenticator;
use leads::fan_sync::{Started, SyncRequest, SyncRequests};
use leads::store::sync_task::{SyncStatus, SyncStrategy};
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, idempotency_key, optional_enum_string};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    requests: SyncRequests,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (auth, requests) = futures::try_join!(Authenticator::new(cx), SyncRequests::new(cx))?;
        Ok(Self { auth, requests })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(length(min = 1)))]
    douyin_user_id: String,
    #[serde(default, deserialize_with = "optional_enum_string")]
    sync_strategy: Option<SyncStrategy>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    task_id: String,
    status: SyncStatus,
    /// Of the task that runs, which need not be the one that was asked for.
    strategy: SyncStrategy,
    message: &'static str,
}

impl Answer {
    fn new(task: TaskId, status: SyncStatus, strategy: SyncStrategy) -> Self {
        Self { task_id: task.to_string(), status, strategy, message: "粉丝数据同步中" }
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::DOUYIN_FANS_SYNC.permission).await?;
    let body: Body = request.json_body(MAX_BODY)?;
    if body.douyin_user_id.trim().is_empty() {
        return Err(kernel::Error::invalid("douyinUserId", "不能为空，请填写已授权的抖音账号").into());
    }
    let strategy = body.sync_strategy.unwrap_or_default();
    let key = idempotency_key(&request)?;
    let wanted = SyncRequest { account: &body.douyin_user_id, strategy, idempotency_key: key.as_deref() };
    match app.requests.start(caller.user_id, wanted).await? {
        Started::New(task) => ApiResponse::accepted(Answer::new(task, SyncStatus::Pending, strategy)),
        Started::Running(task) => ApiResponse::ok(Answer::new(task.task_id, task.status, task.strategy)),
    }
}
