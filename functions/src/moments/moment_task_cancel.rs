//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/cancel`: call off what was not sent yet.

use ::moments::tasks;

pub use super::management::App;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (user_id, task) = app.asked(&request).await?;
    tasks::cancel(&app.stores, &app.starter, user_id, task).await?;
    ApiResponse::ok(app.view(user_id, task).await?)
}
