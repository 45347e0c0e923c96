//! Sending again what a person wants sent again, after the provider's list did not show it.

use std::time::Duration;

use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::Transaction;
use tracing::info;

use super::channel::{Channel, unit_name};
use super::held::Held;
use super::runner::{Moved, Publisher};
use crate::error::Result;
use crate::ids::AccountId;
use crate::ledger::{self, TRIES};
use crate::status::derive;
use crate::store::result::AccountState;
use crate::store::task::TaskChange;
use crate::store::unit::{NewUnit, Sender, UnitChange, UnitKey, UnitStage};
use crate::tasks::next_round;

impl Publisher {
    /// Ends the unit and hands the accounts that were asked for to a new one, which is begun like any other.
    pub(super) async fn replace(&self, held: &Held, channel: &dyn Channel) -> Result<Moved> {
        on_conflict(&self.stores.clock, "moment task", TRIES, || self.try_to_replace(held, channel)).await
    }

    async fn try_to_replace(&self, held: &Held, channel: &dyn Channel) -> Result<Attempt<Moved>> {
        let mut held = held.clone();
        held.entry = ledger::entry(&self.stores, held.unit.task_id).await?;
        let seen = held.seen(channel.members_confirm(), self.stores.clock.now());
        let open: Vec<&AccountId> =
            seen.open().into_iter().filter_map(|place| held.unit.account_ids.get(place)).collect();
        let corp_key = held.unit.corp_key.as_ref();
        let round = next_round(&held.entry.results);
        // Its accounts ended otherwise since the list was read. The next look at the list finds that nothing is left.
        let Some(first) = open.first() else { return Ok(Attempt::Done(Moved::LeaseLost)) };
        let name = unit_name(corp_key, first, round);
        let state = AccountState::Requeued { round };
        let derived = derive(
            held.entry
                .results
                .iter()
                .map(|result| if open.contains(&&result.account_id) { state.status() } else { result.status }),
        );
        let (task_id, user_id, now) = (held.unit.task_id, held.unit.user_id, self.stores.clock.now());
        let done = UnitChange { stage: Some(UnitStage::Done), ..UnitChange::default() };
        let mut transaction = Transaction::new();
        let ours = transaction.add(self.stores.units.advance(&held.unit, &held.lease, &done)?);
        let results = TaskChange::Results(derived);
        transaction.add(self.stores.tasks.advance(&held.entry.task, results, now)?);
        let key = UnitKey { task_id, unit: &name };
        let senders = open.iter().map(|id| Sender { account_id: id, member_id: held.unit.member_of(id) });
        let senders: Vec<Sender<'_>> = senders.collect();
        let new = NewUnit { key, user_id, provider: held.unit.provider, corp_key, senders: &senders };
        transaction.add(self.stores.units.create(&new, now)?);
        for account in &open {
            transaction.add(self.stores.results.set(task_id, account, &state, now)?);
        }
        let outcome = self.stores.commit(&transaction).await?;
        if outcome.failed(ours) {
            return Ok(Attempt::Done(Moved::LeaseLost));
        }
        if !outcome.is_committed() {
            return Ok(Attempt::Conflict);
        }
        let unit = &held.unit.unit;
        info!(task.id = task_id.get(), "unit {unit} of task {task_id} does not show: sent again as {name}");
        self.wake_unit(key, user_id, Duration::ZERO).await;
        Ok(Attempt::Done(Moved::Done))
    }
}
