//! Taking a post back: what the provider answered to one delivery goes before what another one found.

use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use tracing::{error, warn};

use super::channel::Channel;
use super::claimed::ClaimedDelivery;
use super::machine::{Event, Intervention, intervene};
use super::runner::Publisher;
use crate::error::Result;
use crate::ids::AccountId;
use crate::status::derive;
use crate::store::claim::{Claim, ClaimOrigin};
use crate::store::delivery::{DeliveryChange, DeliveryKey};
use crate::store::result::{AccountState, Stage};
use crate::store::task::TaskChange;
use crate::task_records;

impl Publisher {
    /// Takes the post that the provider named in answer to this delivery from one that only found it: that one goes back
    /// to where it knew nothing, together with whatever it has told of the post. Then the post is free to be told.
    pub(super) async fn take_back(&self, claimed_delivery: &ClaimedDelivery, channel: &dyn Channel) -> Result<Event> {
        let id = claimed_delivery.row.moment_id.as_deref().ok_or(kernel::Error::Corrupt("publish delivery"))?;
        let claim = claimed_delivery.claim(channel.provider(), ClaimOrigin::Answered, id);
        on_conflict(&self.stores.clock, "moment claim", TRIES, || self.try_take_back(claimed_delivery, &claim)).await
    }

    async fn try_take_back(&self, claimed_delivery: &ClaimedDelivery, claim: &Claim) -> Result<Attempt<Event>> {
        let theirs = self.stores.claims.get(&claim.claim_key).await?;
        let Some(theirs) = theirs.filter(|theirs| theirs.delivery != claim.delivery) else {
            return Ok(Attempt::Done(Event::RowWritten));
        };
        let key = theirs.delivery_key().ok_or(kernel::Error::Corrupt("moment claim"))?;
        let DeliveryKey { task_id, delivery: name } = key;
        if theirs.how == ClaimOrigin::Answered {
            let (mine, task) = (claimed_delivery.row.task_id, task_id);
            error!(task.id = mine.get(), "one post was answered to tasks {mine} and {task}: not told for {mine}");
            return Ok(Attempt::Done(Event::AnsweredToAnother));
        }
        let (delivery, read) = futures::try_join!(
            async { self.stores.deliveries.get(key).await.map_err(crate::Error::from) },
            task_records::read(&self.stores, task_id)
        )?;
        let (Some(delivery), Some((task, results))) = (delivery, read) else {
            return Err(kernel::Error::Corrupt("moment claim").into());
        };
        let stage =
            intervene(delivery.stage, Intervention::PostTakenBack).ok_or(kernel::Error::Corrupt("moment claim"))?;
        let reset_accounts: Vec<&AccountId> = results
            .iter()
            .filter(|result| delivery.serves(result))
            // Whatever was told of an account that the call asked was told of the wrong post: that it has published, that it
            // was stopped, that it did not confirm. Its own may be out all the same.
            .filter(|result| {
                !result.status.ended() || (delivery.has_asked(&result.account_id) && !result.unconfirmed())
            })
            .map(|result| &result.account_id)
            .collect();
        let state = AccountState::Processing(Stage::Unconfirmed);
        let derived =
            derive(results.iter().map(|result| {
                if reset_accounts.contains(&&result.account_id) { state.status() } else { result.status }
            }));
        let now = self.stores.clock.now();
        let mut transaction = Transaction::new();
        transaction.add(self.stores.claims.take_over(claim, &theirs, now)?);
        // Only the holder of the lease may write for the delivery.
        let ours = transaction.add(self.stores.deliveries.advance(
            &claimed_delivery.row,
            &claimed_delivery.lease,
            &DeliveryChange::default(),
        )?);
        transaction.add(self.stores.deliveries.send_back(&delivery, stage, now)?);
        transaction.add(self.stores.tasks.advance(&task, TaskChange::Results(derived), now)?);
        for account in &reset_accounts {
            transaction.add(self.stores.results.set(task_id, account, &state, now)?);
        }
        let outcome = self.stores.commit(&transaction).await?;
        if outcome.failed(ours) {
            // What is told after this shows that the delivery is lost.
            return Ok(Attempt::Done(Event::RowWritten));
        }
        if !outcome.is_committed() {
            return Ok(Attempt::Conflict);
        }
        warn!(task.id = task_id.get(), "delivery {name} of task {task_id} had found another delivery's post");
        self.wake_delivery(key, task.user_id).await;
        Ok(Attempt::Done(Event::RowWritten))
    }
}
