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
    /// became of the one before: in the account's own list the two might be taken for each other. `None`: the turn is
    /// taken.
    pub(super) async fn reserve_slot(
        &self,
        claimed_delivery: &ClaimedDelivery,
        account: &Account,
    ) -> Result<Option<Event>> {
        if let Some(wait) = self.wait_of(claimed_delivery, account) {
            return Ok(Some(wait));
        }
        let (now, settings) = (self.stores.clock.now(), &self.settings);
        let at = |pause| Some(Event::NotBefore(after(now, pause), WaitReason::Slot));
        let publish_slot = claimed_delivery.name();
        let before =
            account.publish_slot.as_deref().filter(|before| *before != publish_slot).and_then(DeliveryKey::parse);
        if let Some(before) = before
            && let Some(before) = self.stores.deliveries.get(before).await?
            && before.undecided(now)
        {
            return Ok(at(settings.retry_pause));
        }
        let taken = self.stores.accounts.reserve_slot(account, &publish_slot, now).await?;
        Ok(if taken { None } else { at(settings.pace.interval.max(LEAST_PAUSE)) })
    }
}
