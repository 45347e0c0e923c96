//! Tasks: making, reading and managing them.

mod check;
mod content;
mod create;
mod manage;
mod progress;
mod request;
mod request_key;
mod retry;
mod start;
mod stop;

pub use check::RequestCheck;
pub use create::{Created, TaskCreation};
pub use manage::{NewTime, cancel, publish_now, reschedule};
pub use progress::{AccountProgress, Progress, Wait, progress};
pub use request::NewTaskRequest;
pub(crate) use retry::next_round;
pub use retry::{RetryRequest, retry};
pub use start::TaskStarter;
pub use stop::{Stop, StopOutcome, stop};

use kernel::ids::{TaskId, UserId};
use kernel::page::{Page, PageRequest};

use crate::error::Result;
use crate::status::TaskStatus;
use crate::store::Stores;
use crate::store::result::AccountResult;
use crate::store::task::Task;
use crate::task_records;

/// The caller's task with its accounts.
///
/// # Errors
/// [`kernel::Error::NotFound`] for a task that is missing or another user's.
pub async fn read(stores: &Stores, user_id: UserId, task: TaskId) -> Result<(Task, Vec<AccountResult>)> {
    let found = task_records::read(stores, task).await?.filter(|(task, _)| task.user_id == user_id);
    Ok(found.ok_or(kernel::Error::NotFound("moment task"))?)
}

/// The caller's tasks, newest first.
///
/// # Errors
/// When the table cannot be read.
pub async fn list(
    stores: &Stores,
    user_id: UserId,
    status: Option<TaskStatus>,
    page: PageRequest,
) -> Result<Page<Task>> {
    let found = stores.tasks.of_user(user_id, status, page.offset(), page.size).await?;
    Ok(page.answer(found.tasks, found.total))
}
