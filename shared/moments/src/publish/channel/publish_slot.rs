//! The publish slot of a personal account.

use std::time::Duration;

use crate::error::Result;
use crate::pace::Exempt;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::publish::runner::Publisher;
use crate::store::account::Account;
use crate::store::delivery::{DeliveryKey, WaitReason};
use crate::store::task::Force;
use crate::time::after;

/// When a slot is requested again that another delivery has taken first, however short the interval is.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl Publisher {
    /// What keeps the account from publishing now, by its pace: nothing is written.
    pub(super) fn wait_of(&self, claimed_delivery: &ClaimedDelivery, account: &Account) -> Option<Event> {
        let force = &claimed_delivery.snapshot.task.force;
        let exempt = Exempt {
            from_daily_cap: force.contains(&Force::DailyCap),
            from_quiet_hours: force.contains(&Force::QuietHours),
        };
        let now = self.stores.clock.now();
        let wait = self.settings.pace.wait(account, &claimed_delivery.name(), exempt, now)?;
        Some(Event::NotBefore(wait.until, wait.reason))
    }

    /// An account publishes one delivery after the other, with a pause between them, and none while it is not known what
    /// became of the one before: in the account's own list the two might be taken for each other. `None`: it is this
    /// delivery's turn, unless another one takes it first.
    pub(super) async fn slot_before(
        &self,
        claimed_delivery: &ClaimedDelivery,
        account: &Account,
    ) -> Result<Option<Event>> {
        if let Some(wait) = self.wait_of(claimed_delivery, account) {
            return Ok(Some(wait));
        }
        let now = self.stores.clock.now();
        let publish_slot = claimed_delivery.name();
        let before =
            account.publish_slot.as_deref().filter(|before| *before != publish_slot).and_then(DeliveryKey::parse);
        if let Some(before) = before
            && let Some(before) = self.stores.deliveries.get(before).await?
            && before.undecided(now)
        {
            let until = after(now, self.settings.retry_pause);
            return Ok(Some(Event::NotBefore(until, WaitReason::Slot)));
        }
        Ok(None)
    }

    /// Another delivery has taken the turn that this one was about to take.
    pub(in crate::publish) fn slot_taken(&self) -> Event {
        let until = after(self.stores.clock.now(), self.settings.pace.interval.max(LEAST_PAUSE));
        Event::NotBefore(until, WaitReason::Slot)
    }
}
