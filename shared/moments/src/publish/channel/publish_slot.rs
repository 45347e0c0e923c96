//! The publish slot of a personal account.

use std::time::Duration;

use crate::error::Result;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::runner::Publisher;
use crate::store::SlotReservation;
use crate::store::account::Account;
use crate::store::delivery::DeliveryKey;
use crate::time::after;

/// When a slot is requested again that another delivery has taken first, however short the interval is.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl Publisher {
    /// An account publishes one delivery after the other, with a pause between them, and none while it is not known what
    /// became of the one before: in the account's own list the two might be taken for each other.
    pub(super) async fn reserve_slot(
        &self,
        claimed_delivery: &ClaimedDelivery,
        account: &Account,
    ) -> Result<SlotReservation> {
        let (now, settings) = (self.stores.clock.now(), &self.settings);
        let free_from = after(account.last_post_at, settings.personal_interval);
        if free_from > now {
            return Ok(SlotReservation::NotBefore(free_from));
        }
        let publish_slot = claimed_delivery.name();
        let before =
            account.publish_slot.as_deref().filter(|before| *before != publish_slot).and_then(DeliveryKey::parse);
        if let Some(before) = before
            && let Some(before) = self.stores.deliveries.get(before).await?
            && before.undecided(now)
        {
            return Ok(SlotReservation::NotBefore(after(now, settings.retry_pause)));
        }
        let taken = self.stores.accounts.reserve_slot(account, &publish_slot, now).await?;
        let next = after(now, settings.personal_interval.max(LEAST_PAUSE));
        Ok(if taken { SlotReservation::Taken } else { SlotReservation::NotBefore(next) })
    }
}
