//! The interface to the providers: what a provider is asked for a delivery, and what its answers mean in the machine's words.
//!
//! Which provider a delivery goes to is on its row; [`open`] is the one place in publishing that asks. A new provider is a
//! folder beside these two and an arm of [`open`].

mod candidates;
mod gateway;
mod publish_slot;
mod text;
mod wecom;

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::future::BoxFuture;
use kernel::metrics::{self, Metric};

use super::claimed::ClaimedDelivery;
use super::machine::{Event, Recovery};
use super::runner::Publisher;
use crate::error::{Error, Result, media_advice};
use crate::ids::{AccountId, CorpKey};
use crate::media::{MediaProblem, Medium};
use crate::provider::Provider;
use crate::store::account::{Account, AccountStatus};
use crate::store::delivery::Delivery;
use crate::store::task::{Task, TaskMedium};

/// What a channel was asked for; an error is one of our own stores.
pub(super) type Answer<'a> = BoxFuture<'a, Result<Event>>;

/// A provider, as one delivery needs it. Each call answers an event of the stage that it is made in.
pub(super) trait Channel: Send + Sync {
    fn provider(&self) -> Provider;

    /// Whether members have to confirm what was sent before it is out.
    fn members_confirm(&self) -> bool;

    /// Everything before the call that publishes: slots, media, uploads. It may be done any number of times.
    fn prepare<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, senders: Vec<Account>) -> Answer<'a>;

    /// The one call that publishes what was prepared. It is never made twice for one delivery.
    fn send<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a>;

    /// Looks for the delivery's post in the provider's own list. What another delivery has claimed is not this one's,
    /// however alike it looks.
    fn find_published<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a>;

    /// Asks how far it has come what was sent; `stopped` says whether members were stopped before, and is handed on.
    fn follow<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, stopped: bool) -> Answer<'a>;

    /// Stops the members who have not confirmed.
    fn cancel<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a>;

    /// Replaces what a refusal was about: token, uploads, or the right to call now.
    fn recover<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, recovery: Recovery) -> Answer<'a>;

    /// The accounts that publish with the credentials of this delivery.
    fn sharing_credentials<'a>(&'a self, claimed_delivery: &'a ClaimedDelivery) -> BoxFuture<'a, Result<Vec<Account>>>;

    /// What is written together with the fence besides, where only one delivery of an account may be sent at a time: that it
    /// is this one. It was prepared.
    fn slot(&mut self) -> Option<TransactWriteItem>;

    /// What is written besides when the post of this id is told as the delivery's.
    fn last_post(&self, claimed_delivery: &ClaimedDelivery, id: &str) -> Result<Option<TransactWriteItem>>;
}

/// The channel of a delivery. Asks nobody anything.
///
/// # Errors
/// [`kernel::Error::Corrupt`] for a company's delivery that names no company.
pub(super) fn open<'p>(cx: &'p Publisher, delivery: &Delivery) -> Result<Box<dyn Channel + 'p>> {
    Ok(match delivery.provider {
        Provider::Wecom => {
            let corp_key = delivery.corp_key.clone().ok_or(kernel::Error::Corrupt("publish delivery"))?;
            Box::new(wecom::WecomChannel::new(cx, corp_key))
        }
        Provider::Gateway => Box::new(gateway::GatewayChannel::new(cx)),
    })
}

/// What the delivery of an account, or of all chosen ones of a company, is called in a round.
pub(super) fn delivery_name(corp_key: Option<&CorpKey>, account_id: &AccountId, round: u32) -> String {
    match corp_key {
        Some(corp_key) => format!("corp:{corp_key}#{round}"),
        None => format!("{account_id}#{round}"),
    }
}

/// What the provider refused on the way is an event like its answers.
fn or_refused(outcome: Result<Event>) -> Result<Event> {
    match outcome {
        Err(Error::Provider(failure)) => Ok(Event::Refused(failure)),
        outcome => outcome,
    }
}

/// What it means that a medium, the `index`-th from 0, cannot be used.
fn media_unusable(index: usize, problem: &MediaProblem) -> Event {
    if problem.transient() { Event::TemporaryFailure } else { Event::MediaUnusable(media_advice(index, problem)) }
}

impl Publisher {
    /// The delivery's accounts that can be used now.
    pub(super) async fn usable(&self, claimed_delivery: &ClaimedDelivery) -> Result<Vec<Account>> {
        let mut accounts = self.current_accounts(claimed_delivery).await?;
        accounts.retain(|account| account.status == AccountStatus::Active);
        Ok(accounts)
    }

    /// The delivery's accounts as they are now, whether or not they can be used.
    pub(super) async fn current_accounts(&self, claimed_delivery: &ClaimedDelivery) -> Result<Vec<Account>> {
        let row = &claimed_delivery.row;
        let mut accounts = match &claimed_delivery.accounts {
            Some(accounts) => accounts.clone(),
            None => self.stores.accounts.by_ids(&row.account_ids).await?,
        };
        accounts.retain(|account| {
            let is_own = account.user_id == row.user_id && row.account_ids.contains(&account.account_id);
            is_own && account.corp_key == row.corp_key
        });
        Ok(accounts)
    }

    /// The delivery's accounts that still are its tenant's: one that was disconnected may be another's by now.
    pub(super) async fn own_accounts(&self, claimed_delivery: &ClaimedDelivery) -> Result<Vec<Account>> {
        let mut accounts = self.stores.accounts.by_ids(&claimed_delivery.row.account_ids).await?;
        accounts.retain(|account| account.user_id == claimed_delivery.row.user_id);
        Ok(accounts)
    }

    /// A medium of the task as it was judged when the task was made.
    async fn stored(&self, task: &Task, medium: &TaskMedium) -> Result<Medium, MediaProblem> {
        let read = self.storage.read(task, medium, self.settings.media_limits).await;
        metrics::count(Metric::PostsHeld, usize::from(matches!(read, Err(MediaProblem::StorageUnavailable))));
        read
    }
}
