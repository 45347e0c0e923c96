//! `PATCH /api/v1/workbench/wechat/moments/tasks/{taskId}`: move a timed task to another time.

use ::moments::Pace;
use ::moments::store::task::Force;
use ::moments::tasks::{self, NewTime};
use kernel::Context;
use kernel::config::ConfigError;
use kernel::rfc3339::Rfc3339;
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};
use crate::task_management;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    management: task_management::App,
    pace: Pace,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { management: task_management::App::new(cx).await?, pace: Pace::load(&cx.env)? })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    scheduled_time: Rfc3339,
    /// What creation takes too. Only the quiet hours depend on the time alone.
    force: Option<Vec<Force>>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let App { management, pace } = app;
    let (caller, task) = management.authorized_task_request(&request, catalog::MOMENT_TASK_UPDATE.permission).await?;
    let body: Body = request.json_body(MAX_BODY)?;
    let at_night = body.force.is_some_and(|force| force.contains(&Force::QuietHours));
    let new = NewTime { time: body.scheduled_time.0, at_night };
    tasks::reschedule(&management.stores, &management.starter, pace, &caller, task, new).await?;
    ApiResponse::ok(management.view(caller.user_id, task).await?)
}
