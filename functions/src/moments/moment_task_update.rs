//! `PATCH /api/v1/workbench/wechat/moments/tasks/{taskId}`: move a timed task to another time.

use ::moments::tasks::{TaskManagement, Tasks};
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use serde::Deserialize;

use super::view::TaskView;
use crate::base::Base;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, Rfc3339};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    management: TaskManagement,
    tasks: Tasks,
}

impl App {
    /// Built once at init.
    pub async fn new(base: &Base) -> Result<Self, ConfigError> {
        let management = TaskManagement::new(&base.aws, &base.env, base.clock.clone())?;
        let tasks = Tasks::new(&base.aws, &base.env, base.clock.clone())?;
        Ok(Self { auth: base.authenticator().await?, management, tasks })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    scheduled_time: Rfc3339,
}

/// Answers one request.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, "workbench:wechat:moments:task:manage").await?;
    let task = request.path_id("taskId", "moment task")?;
    let body: Body = request.json_body(MAX_BODY)?;
    app.management.reschedule(caller.user_id, task, body.scheduled_time.0).await?;
    let (task, results) = app.tasks.read(caller.user_id, task).await?;
    ApiResponse::ok(TaskView::new(task, results))
}
