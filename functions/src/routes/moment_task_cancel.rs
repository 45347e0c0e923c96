//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/cancel`: call off what was not sent yet.

use moments::tasks;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
pub use crate::task_management::App;

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (caller, task) = app.authorized_task_request(&request, catalog::MOMENT_TASK_CANCEL.permission).await?;
    tasks::cancel(&app.stores, &app.starter, &caller, task).await?;
    ApiResponse::ok(app.view(caller.user_id, task).await?)
}
