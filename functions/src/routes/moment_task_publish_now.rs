//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/publish-now`: have a timed task begin now.

use moments::tasks;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem, idempotency_key};
pub use crate::task_management::App;

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (caller, task) = app.authorized_task_request(&request, catalog::MOMENT_TASK_PUBLISH_NOW.permission).await?;
    let key = idempotency_key(&request)?;
    tasks::publish_now(&app.stores, &app.starter, &caller, task, key.as_deref()).await?;
    ApiResponse::accepted(app.view(caller.user_id, task).await?)
}
