//! Publishing: a message names a task to dispatch, or a delivery to move one step.

mod channel;
mod claimed;
mod claims;
mod dispatch;
mod machine;
mod outcomes;
mod resend;
mod runner;

pub(crate) use machine::{Guards, Intervention, JOB_LIFETIME, Reported, Retry, intervene, retry};
pub use runner::{Publisher, StepOutcome};

use jiff::Timestamp;
use kernel::ids::TaskId;
use serde::{Deserialize, Serialize};

/// The queue's message: which task to dispatch, or which delivery of it to move, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishMessage {
    /// The task, in digits.
    #[serde(with = "kernel::ids::task_id_text")]
    pub task_id: TaskId,
    /// The delivery; the task itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// When the delivery is to be moved: the `next_action_at` that its row got with this message. SQS waits
    /// for 15 minutes at the longest, so a message that comes earlier is sent once more, as long as the row still says so.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub due_at: Option<Timestamp>,
}
