//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/retry`: try failed accounts again, and no others.

use moments::ids::AccountId;
use moments::tasks::{self, RetryRequest};
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, idempotency_key};
pub use crate::task_management::App;

/// Everything may be absent or null, and so may the body itself.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(extend("uniqueItems" = true)))]
    account_ids: Option<Vec<AccountId>>,
    include_unconfirmed: Option<bool>,
    force: Option<bool>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (caller, task) = app.authorized_task_request(&request, catalog::MOMENT_TASK_RETRY.permission).await?;
    let body: Body =
        if request.body().trim_ascii().is_empty() { Body::default() } else { request.json_body(MAX_BODY)? };
    let wanted = RetryRequest {
        account_ids: body.account_ids,
        include_unconfirmed: body.include_unconfirmed.unwrap_or_default(),
        force: body.force.unwrap_or_default(),
        idempotency_key: idempotency_key(&request)?,
    };
    tasks::retry(&app.stores, &app.starter, &caller, task, &wanted).await?;
    ApiResponse::accepted(app.view(caller.user_id, task).await?)
}
