//! The turns of a person's account.

use std::time::Duration;

use crate::error::Result;
use crate::publish::held::Held;
use crate::publish::runner::Publisher;
use crate::store::Turn;
use crate::store::account::Account;
use crate::store::unit::UnitKey;
use crate::time::after;

/// When a turn is asked for again that another delivery was faster to take, however short the interval is.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

impl Publisher {
    /// An account publishes one delivery after the other, with a pause between them, and none while it is not known what
    /// became of the one before: in the account's own list the two might be taken for each other.
    pub(super) async fn take_turn(&self, held: &Held, account: &Account) -> Result<Turn> {
        let (now, settings) = (self.stores.clock.now(), &self.settings);
        let free_from = after(account.last_post_at, settings.personal_interval);
        if free_from > now {
            return Ok(Turn::NotBefore(free_from));
        }
        let turn = held.delivery();
        let before = account.turn.as_deref().filter(|before| *before != turn).and_then(UnitKey::parse);
        if let Some(before) = before
            && let Some(before) = self.stores.units.get(before).await?
            && before.undecided(now)
        {
            return Ok(Turn::NotBefore(after(now, settings.retry_pause)));
        }
        let taken = self.stores.accounts.take_turn(account, &turn, now).await?;
        let next = after(now, settings.personal_interval.max(LEAST_PAUSE));
        Ok(if taken { Turn::Taken } else { Turn::NotBefore(next) })
    }
}
