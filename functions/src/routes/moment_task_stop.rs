//! `POST /api/v1/workbench/wechat/moments/tasks/{taskId}/stop`: stop what members have not confirmed, and what was not
//! sent. It starts nothing and may be repeated, so it takes no `Idempotency-Key`.

use moments::ids::AccountId;
use moments::tasks::{self, Stop, StopOutcome};
use serde::Serialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
pub use crate::task_management::App;
use crate::views::moments::TaskView;

/// The task as it is now, and what stopping has come to.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Answer {
    #[serde(flatten)]
    task: TaskView,
    stops: Vec<StopView>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Stop"))]
#[serde(rename_all = "camelCase")]
struct StopView {
    account_id: AccountId,
    outcome: StopOutcome,
    reason: Option<&'static str>,
}

impl From<Stop> for StopView {
    fn from(stop: Stop) -> Self {
        Self { account_id: stop.account_id, outcome: stop.outcome, reason: stop.reason }
    }
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let (caller, task) = app.authorized_task_request(&request, catalog::MOMENT_TASK_STOP.permission).await?;
    let stops = tasks::stop(&app.stores, &app.starter, &caller, task).await?;
    let stops = stops.into_iter().map(StopView::from).collect();
    ApiResponse::accepted(Answer { task: app.view(caller.user_id, task).await?, stops })
}
