//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/retry`: try the failed accounts again, and no others.

pub use super::management::App;
use crate::http::{ApiRequest, ApiResponse, Problem};

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (user_id, task) = app.asked(&request).await?;
    app.management.retry(user_id, task).await?;
    ApiResponse::accepted(app.view(user_id, task).await?)
}
