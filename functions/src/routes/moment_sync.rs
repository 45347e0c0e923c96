//! `POST /api/v1/workbench/wechat/moments/sync`: publish content to accounts, now or at a time.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::status::TaskStatus;
use moments::store::task::ContentId;
use moments::tasks::{NewTaskRequest, TaskCreation};
use serde::Serialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem, idempotency_key};
use crate::post_request::{bearer_of, post_of};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    creation: TaskCreation,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let creation = TaskCreation::new(cx)?;
        Ok(Self { auth: Authenticator::new(cx).await?, creation })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    sync_task_id: u64,
    content_id: Option<ContentId>,
    status: TaskStatus,
    create_time: jiff::Timestamp,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::MOMENT_SYNC.permission).await?;
    let wanted = NewTaskRequest { idempotency_key: idempotency_key(&request)?, ..post_of(&request)? };
    let created = app.creation.create(&caller, &bearer_of(&request), &wanted).await?;
    ApiResponse::accepted(Answer {
        sync_task_id: created.id.get(),
        content_id: created.content_id,
        status: TaskStatus::Pending,
        create_time: created.create_time,
    })
}
