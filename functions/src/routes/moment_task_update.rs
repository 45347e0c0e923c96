//! `PATCH /api/v1/workbench/wechat/moments/tasks/{taskId}`: move a timed task to another time.

use ::moments::tasks;
use kernel::rfc3339::Rfc3339;
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};
pub use crate::task_management::App;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    scheduled_time: Rfc3339,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (user_id, task) = app.authorized_task_request(&request, catalog::MOMENT_TASK_UPDATE.permission).await?;
    let body: Body = request.json_body(MAX_BODY)?;
    tasks::reschedule(&app.stores, &app.starter, user_id, task, body.scheduled_time.0).await?;
    ApiResponse::ok(app.view(user_id, task).await?)
}
