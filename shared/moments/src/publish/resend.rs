//! Sending again what a person wants sent again, after the provider's list did not show it.

use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::Transaction;
use tracing::info;

use super::channel::{Channel, delivery_name};
use super::claimed::ClaimedDelivery;
use super::runner::{Publisher, StepOutcome};
use crate::error::Result;
use crate::ids::AccountId;
use crate::status::derive;
use crate::store::delivery::{DeliveryChange, DeliveryKey, DeliveryStage, NewDelivery, Sender};
use crate::store::result::AccountState;
use crate::store::task::TaskChange;
use crate::task_records::{self, TRIES};
use crate::tasks::next_round;

impl Publisher {
    /// Ends the delivery and hands the accounts that were asked for to a new one, which is begun like any other.
    pub(super) async fn replace(
        &self,
        claimed_delivery: &ClaimedDelivery,
        channel: &dyn Channel,
    ) -> Result<StepOutcome> {
        on_conflict(&self.stores.clock, "moment task", TRIES, || self.try_to_replace(claimed_delivery, channel)).await
    }

    async fn try_to_replace(
        &self,
        claimed_delivery: &ClaimedDelivery,
        channel: &dyn Channel,
    ) -> Result<Attempt<StepOutcome>> {
        let mut claimed_delivery = claimed_delivery.clone();
        claimed_delivery.snapshot = task_records::read_snapshot(&self.stores, claimed_delivery.row.task_id).await?;
        let seen = claimed_delivery.seen(channel.members_confirm(), self.stores.clock.now());
        let open: Vec<&AccountId> =
            seen.open().into_iter().filter_map(|place| claimed_delivery.row.account_ids.get(place)).collect();
        let corp_key = claimed_delivery.row.corp_key.as_ref();
        let round = next_round(&claimed_delivery.snapshot.results);
        // Its accounts ended otherwise since the list was read. The next look at the list finds that nothing is left.
        let Some(first) = open.first() else { return Ok(Attempt::Done(StepOutcome::LeaseLost)) };
        let name = delivery_name(corp_key, first, round);
        let state = AccountState::Requeued { round };
        let derived = derive(
            claimed_delivery
                .snapshot
                .results
                .iter()
                .map(|result| if open.contains(&&result.account_id) { state.status() } else { result.status }),
        );
        let (task_id, user_id, now) =
            (claimed_delivery.row.task_id, claimed_delivery.row.user_id, self.stores.clock.now());
        let done = DeliveryChange { stage: Some(DeliveryStage::Done), ..DeliveryChange::default() };
        let mut transaction = Transaction::new();
        let ours =
            transaction.add(self.stores.deliveries.advance(&claimed_delivery.row, &claimed_delivery.lease, &done)?);
        let results = TaskChange::Results(derived);
        transaction.add(self.stores.tasks.advance(&claimed_delivery.snapshot.task, results, now)?);
        let key = DeliveryKey { task_id, delivery: &name };
        let senders = open.iter().map(|id| Sender { account_id: id, member_id: claimed_delivery.row.member_of(id) });
        let senders: Vec<Sender<'_>> = senders.collect();
        let provider = claimed_delivery.row.provider;
        let new = NewDelivery { key, user_id, provider, corp_key, wanted_at: now, senders: &senders, lease: None };
        transaction.add(self.stores.deliveries.create(&new, now)?);
        for account in &open {
            transaction.add(self.stores.results.set(task_id, account, &state, now)?);
        }
        let outcome = self.stores.commit(&transaction).await?;
        if outcome.failed(ours) {
            return Ok(Attempt::Done(StepOutcome::LeaseLost));
        }
        if !outcome.is_committed() {
            return Ok(Attempt::Conflict);
        }
        let delivery = &claimed_delivery.row.delivery;
        info!(task.id = task_id.get(), "delivery {delivery} of task {task_id} does not show: sent again as {name}");
        self.wake_delivery(key, user_id).await;
        Ok(Attempt::Done(StepOutcome::Done))
    }
}
