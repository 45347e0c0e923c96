//! Tasks: making, reading and managing them.

mod content;
mod create;
mod manage;
mod request;
mod retry;
mod start;

pub use create::{Created, TaskCreation};
pub use manage::TaskManagement;
pub use request::NewTaskRequest;
pub use retry::RetryRequest;
pub(crate) use retry::next_round;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::page::{Page, PageRequest};

use crate::error::Result;
use crate::ledger::Ledger;
use crate::status::TaskStatus;
use crate::store::result::AccountResult;
use crate::store::task::Task;

/// The tenant's tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    ledger: Ledger,
}

impl Tasks {
    /// From the environment.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { ledger: Ledger::new(cx)? })
    }

    /// The caller's task with its accounts.
    pub async fn read(&self, user_id: UserId, task: TaskId) -> Result<(Task, Vec<AccountResult>)> {
        own(&self.ledger, user_id, task).await
    }

    /// The caller's tasks, newest first.
    pub async fn list(&self, user_id: UserId, status: Option<TaskStatus>, page: PageRequest) -> Result<Page<Task>> {
        let found = self.ledger.tasks.of_user(user_id, status, page.offset(), page.size).await?;
        Ok(page.answer(found.tasks, found.total))
    }
}

pub(super) async fn own(ledger: &Ledger, user_id: UserId, task: TaskId) -> Result<(Task, Vec<AccountResult>)> {
    let found = ledger.read(task).await?.filter(|(task, _)| task.user_id == user_id);
    Ok(found.ok_or(kernel::Error::NotFound("moment task"))?)
}
