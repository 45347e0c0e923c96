//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/cancel`: call off what was not sent yet.

use moments::tasks;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
pub use crate::task_management::App;

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (user_id, task) = app.authorized_task_request(&request, catalog::MOMENT_TASK_CANCEL.permission).await?;
    tasks::cancel(&app.stores, &app.starter, user_id, task).await?;
    ApiResponse::ok(app.view(user_id, task).await?)
}
