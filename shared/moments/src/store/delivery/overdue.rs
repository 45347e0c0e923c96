//! Deliveries that have not moved when they should have: how the sweeper finds them, and what it notes.

use jiff::Timestamp;
use kernel::due::DueIndex;
use kernel::dynamo::{decode, milliseconds};
use kernel::error::Result;
use kernel::ids::TaskId;
use serde::Deserialize;

use super::{Delivery, DeliveryStore, WHAT};
use crate::store::resend::Resend;

impl DeliveryStore {
    /// The deliveries that should have moved by then and for which no message is on its way at `now`, longest overdue first in
    /// each shard.
    pub async fn overdue(&self, by: Timestamp, now: Timestamp, limit: usize) -> Result<Vec<(TaskId, String)>> {
        #[derive(Deserialize)]
        struct Key {
            task_id: TaskId,
            delivery: String,
        }
        let keys = self.due_index().unattended(&self.client, by, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| (key.task_id, key.delivery))).collect()
    }

    /// Since when the row has been due that has been due longest.
    pub async fn oldest_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.due_index().oldest(&self.client, now).await
    }

    fn due_index(&self) -> DueIndex {
        DueIndex {
            table: self.table.clone(),
            index: "by_next_action",
            shard_attribute: "due_shard",
            time_attribute: "next_action_at",
            time_value: milliseconds,
        }
    }

    /// Notes that the sweeper sends a message for the delivery and no other until `resend_after`; `false` when it has
    /// moved, or somebody else sent one.
    pub async fn note_resend(&self, delivery: &Delivery, now: Timestamp, resend_after: Timestamp) -> Result<bool> {
        let (seen, resends) = (delivery.next_action_at.unwrap_or_default(), delivery.resends);
        Resend { seen, resends, now, resend_after }.note(self.alone(delivery.key())).await
    }
}
