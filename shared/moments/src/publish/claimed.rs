//! A delivery that a worker has claimed.

use kernel::deadline::Deadline;
use kernel::lease::Lease;
use tracing::warn;

use super::machine::{DeliveryState, Event, WorkerTime};
use crate::ids::AccountId;
use crate::provider::{Provider, ProviderError};
use crate::store::account::Account;
use crate::store::claim::{Claim, ClaimOrigin, claim_key};
use crate::store::corp::Corp;
use crate::store::delivery::Delivery;
use crate::store::result::AccountState;
use crate::task_records::TaskSnapshot;

/// A delivery that a worker has claimed, with its task as this worker knows it.
#[derive(Debug, Clone)]
pub(super) struct ClaimedDelivery {
    pub row: Delivery,
    pub lease: Lease,
    pub snapshot: TaskSnapshot,
    /// Accounts as they were read when it was claimed, its own among them, if it was to be begun then.
    pub accounts: Option<Vec<Account>>,
    /// Its company's app as it was read then.
    pub corp: Option<Corp>,
    /// When the worker is killed.
    pub deadline: Deadline,
}

impl ClaimedDelivery {
    /// The delivery's name in claims.
    pub fn name(&self) -> String {
        self.row.key().to_string()
    }

    /// The claim on the provider's post of this id.
    pub fn claim(&self, provider: Provider, how: ClaimOrigin, id: &str) -> Claim {
        let claim_key = claim_key(provider, id);
        Claim { claim_key, delivery: self.name(), user_id: self.row.user_id, how }
    }

    /// The delivery as the machine sees it.
    pub fn seen(&self, members_confirm: bool, now: jiff::Timestamp) -> DeliveryState {
        let time = WorkerTime { now, left: self.deadline.remaining(now) };
        DeliveryState::of(&self.row, &self.snapshot.task, &self.snapshot.results, members_confirm, time)
    }

    /// The accounts at these places with what they are told.
    pub fn named(&self, states: &[(usize, AccountState)]) -> Vec<(AccountId, AccountState)> {
        let named = states.iter().filter_map(|(place, state)| Some((self.row.account_ids.get(*place)?, state)));
        named.map(|(account, state)| (account.clone(), state.clone())).collect()
    }

    /// The call was made, and what became of it is not known.
    pub fn outcome_lost(&self, failure: &ProviderError) -> Event {
        let task = self.row.task_id;
        warn!(task.id = task.get(), "outcome of task {task} not known: {failure}");
        Event::AnswerLost
    }
}
