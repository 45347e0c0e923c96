//! What changes of a task's row: by its user, by its dispatch, and by what its accounts come to.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::due;
use kernel::dynamo::{n, s};
use kernel::error::Result;

use super::{Force, Task, TaskStore};
use crate::status::{Standing, Tally, TaskStatus};
use crate::store::{milliseconds, seconds, update};

/// What changes of a task besides its version.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TaskChange {
    /// Its results changed, and this is what they amount to.
    Results(Standing),
    /// Its deliveries exist; accounts that cannot be published to have failed already.
    Dispatched(Standing),
    /// It ends before its deliveries were made.
    Ended(Standing),
    /// Its time changed.
    Rescheduled {
        /// A whole second.
        time: Timestamp,
        /// What it is published in spite of from now on, besides what was said before.
        force: Option<Force>,
    },
    /// Failed accounts are to be tried again.
    Reopened {
        /// What the results amount to now.
        derived: Standing,
        /// When to dispatch; nothing when all of them are deliveries' already.
        due_at: Option<Timestamp>,
    },
}

impl TaskStore {
    /// Moves the task on, as one action of a transaction: refused when it changed since it was read.
    pub(crate) fn advance(&self, task: &Task, change: TaskChange, now: Timestamp) -> Result<TransactWriteItem> {
        let mut set = "SET #status = :status, update_time = :now".to_owned();
        let mut builder = self
            .row(task, now)
            .condition_expression("version = :version")
            .expression_attribute_values(":version", n(task.version));
        let mut remove = vec!["resend_after", "resends"];
        let standing = match change {
            TaskChange::Results(derived) | TaskChange::Dispatched(derived) | TaskChange::Ended(derived) => {
                Some(derived)
            }
            TaskChange::Reopened { derived, .. } => Some(derived),
            TaskChange::Rescheduled { .. } => None,
        };
        if let Some(standing) = standing {
            set.push_str(", tally = :tally");
            builder = builder.expression_attribute_values(":tally", tally_attribute(standing.tally));
        }
        match change {
            TaskChange::Results(_) => remove.clear(),
            // Of one that has ended nothing is left to dispatch. Deliveries made later, by an account that is tried again,
            // are called off one by one.
            TaskChange::Dispatched(_) | TaskChange::Ended(_) => {
                set.push_str(", dispatched = :true");
                builder = builder.expression_attribute_values(":true", AttributeValue::Bool(true));
                remove.extend(["due_shard", "next_action_at"]);
            }
            TaskChange::Rescheduled { time, force } => {
                set.push_str(", scheduled_time = :time, next_action_at = :due");
                if let Some(force) = force.filter(|force| !task.force.contains(force)) {
                    // The name is a reserved word of DynamoDB.
                    set.push_str(", #force = :force");
                    let all: Vec<Force> = task.force.iter().copied().chain([force]).collect();
                    builder = builder
                        .expression_attribute_names("#force", "force")
                        .expression_attribute_values(":force", force_attribute(&all));
                }
                builder = builder
                    .expression_attribute_values(":time", seconds(time))
                    .expression_attribute_values(":due", milliseconds(time));
            }
            TaskChange::Reopened { due_at, .. } => {
                if let Some(due_at) = due_at {
                    set.push_str(", dispatched = :false, due_shard = :shard, next_action_at = :due");
                    builder = builder
                        .expression_attribute_values(":false", AttributeValue::Bool(false))
                        .expression_attribute_values(":shard", s(due::shard(task.id.get())))
                        .expression_attribute_values(":due", milliseconds(due_at));
                }
                remove.push("scheduled_time");
            }
        }
        if let Some(standing) = standing {
            builder = note_media_due(builder, (&mut set, &mut remove), task, standing, now);
        }
        let remove = removal(&remove);
        let status = standing.map_or(task.status, |standing| standing.status);
        update(
            builder
                .update_expression(format!("{set} {remove} ADD version :one"))
                .expression_attribute_values(":status", s(status.as_str())),
        )
    }

    /// Counts what accounts of one delivery have come to, as one action of the transaction that writes it on their rows.
    /// `seen` and `after` are the task's tally before and with it.
    ///
    /// As long as an account stays open, the deliveries of a task count beside each other: none of them needs to know how
    /// far the others have come, and none is refused for it. The one that ends the last account sets what the task has
    /// come to, which is true only if nothing has changed since it was read. A refusal brings the row as it is now.
    pub(crate) fn count(&self, task: &Task, seen: Tally, after: Tally, now: Timestamp) -> Result<TransactWriteItem> {
        let row = self
            .row(task, now)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":status", s(after.status().as_str()));
        let is_shared = !task.status.ended() && (1..=seen.open).contains(&after.open);
        if !is_shared {
            let (mut set, mut remove) =
                ("SET #status = :status, tally = :tally, update_time = :now".to_owned(), vec![]);
            let standing = Standing { status: after.status(), tally: after };
            let row = note_media_due(row, (&mut set, &mut remove), task, standing, now);
            let remove = removal(&remove);
            return update(
                row.condition_expression("version = :version")
                    .update_expression(format!("{set} {remove} ADD version :one"))
                    .expression_attribute_values(":version", n(task.version))
                    .expression_attribute_values(":tally", tally_attribute(after)),
            );
        }
        let more = |before: u32, after: u32| n(i64::from(after) - i64::from(before));
        update(
            row.condition_expression("#status IN (:pending, :status) AND tally.#open > :ended")
                .update_expression(
                    "SET #status = :status, tally.#open = tally.#open - :ended, tally.#succeeded = tally.#succeeded + :succeeded, \
                     tally.#failed = tally.#failed + :failed, tally.#cancelled = tally.#cancelled + :cancelled, \
                     update_time = :now ADD version :one",
                )
                .expression_attribute_values(":pending", s(TaskStatus::Pending.as_str()))
                .expression_attribute_names("#open", "open")
                .expression_attribute_names("#succeeded", "succeeded")
                .expression_attribute_names("#failed", "failed")
                .expression_attribute_names("#cancelled", "cancelled")
                .expression_attribute_values(":ended", n(seen.open - after.open))
                .expression_attribute_values(":succeeded", more(seen.succeeded, after.succeeded))
                .expression_attribute_values(":failed", more(seen.failed, after.failed))
                .expression_attribute_values(":cancelled", more(seen.cancelled, after.cancelled)),
        )
    }

    /// An update of the task's row, which every change of it moves on.
    fn row(&self, task: &Task, now: Timestamp) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("id", n(task.id))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":one", n(1))
    }
}

/// Writes, in the update that ends a task or has it go on, from when on it does not need its media.
fn note_media_due(
    builder: UpdateBuilder,
    (set, remove): (&mut String, &mut Vec<&'static str>),
    task: &Task,
    standing: Standing,
    now: Timestamp,
) -> UpdateBuilder {
    match task.media_due_after(standing, now) {
        Some(due) => {
            set.push_str(", media_due = :media_due, media_shard = :media_shard");
            builder
                .expression_attribute_values(":media_due", milliseconds(due))
                .expression_attribute_values(":media_shard", s(due::shard(task.id.get())))
        }
        None if !task.media.is_empty() && !task.media_released => {
            remove.extend(["media_due", "media_shard"]);
            builder
        }
        // What was begun with media that may be gone is brought to its end.
        None => builder,
    }
}

fn removal(attributes: &[&str]) -> String {
    if attributes.is_empty() { String::new() } else { format!("REMOVE {}", attributes.join(", ")) }
}

pub(super) fn force_attribute(force: &[Force]) -> AttributeValue {
    AttributeValue::L(force.iter().map(|force| s(force.as_str())).collect())
}

pub(super) fn tally_attribute(tally: Tally) -> AttributeValue {
    let Tally { open, succeeded, failed, cancelled } = tally;
    let counts = [("open", open), ("succeeded", succeeded), ("failed", failed), ("cancelled", cancelled)];
    AttributeValue::M(counts.map(|(name, count)| (name.to_owned(), n(count))).into())
}
