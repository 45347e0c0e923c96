//! What the functions that manage a task share.

use kernel::Context;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::jwt::Authenticator;
use moments::Stores;
use moments::tasks::{self, TaskStarter};

use crate::http::{ApiRequest, Problem};
use crate::views::moments::{Shown, TaskView};

/// What the requests of such a function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    pub(crate) stores: Stores,
    pub(crate) starter: TaskStarter,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (stores, starter) = (Stores::new(cx)?, TaskStarter::new(cx)?);
        Ok(Self { auth: Authenticator::new(cx).await?, stores, starter })
    }

    /// Who asks, and about which task; `permission` is that of the function's own route.
    pub(crate) async fn authorized_task_request(
        &self,
        request: &ApiRequest,
        permission: &'static str,
    ) -> Result<(Caller, TaskId), Problem> {
        let caller = request.caller(&self.auth, permission).await?;
        Ok((caller, request.path_id("taskId", "moment task")?))
    }

    /// The task as it is now.
    pub(crate) async fn view(&self, user_id: UserId, task: TaskId) -> Result<TaskView, Problem> {
        let progress = tasks::progress(&self.stores, user_id, task).await?;
        Ok(TaskView::new(progress, Shown::default()))
    }
}
