//! Telling a post: never without the claim that it is this delivery's, in the same transaction.

use std::time::Duration;

use kernel::dynamo::{Outcome, Refusal, transact};
use tracing::{error, info, warn};

use super::PublishMessage;
use super::step::{Held, Moved, Publisher};
use crate::error::Result;
use crate::ledger::Settled;
use crate::provider::Provider;
use crate::status::derive;
use crate::store::claim::{Claim, How, claim_key};
use crate::store::result::{AccountState, Stage};
use crate::store::task::TaskChange;
use crate::store::unit::{UnitChange, UnitStage};

/// How often what met another change is tried again.
const TRIES: u32 = 10;

/// What became of a post that was to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It is in the tables.
    Done,
    /// The unit is not this worker's any more.
    UnitMoved,
    /// The post belongs to another delivery; nothing was written.
    NotOurs,
}

impl Held {
    /// The delivery's name in claims.
    pub(super) fn delivery(&self) -> String {
        format!("{}/{}", self.unit.task_id, self.unit.unit)
    }

    /// The claim on the provider's post of this id.
    pub(super) fn claim(&self, how: How, id: &str) -> Claim {
        let provider = if self.unit.corp_key.is_some() { Provider::Wecom } else { Provider::Gateway };
        Claim { claim_key: claim_key(provider, id), delivery: self.delivery(), user_id: self.unit.user_id, how }
    }
}

impl Publisher {
    /// A personal account's post is out. `None`: it is another delivery's.
    pub(super) async fn published(&self, held: &mut Held, how: How, id: &str) -> Result<Option<Moved>> {
        let open = held.undecided_accounts();
        let states: Vec<_> =
            open.iter().map(|account| (account.as_str(), AccountState::Success { moment_id: id.to_owned() })).collect();
        let change = UnitChange { stage: Some(UnitStage::Done), ..UnitChange::default() };
        Ok(match self.tell(held, how, id, &change, &states).await? {
            Told::Done => {
                self.remember_personal_post(held, id).await;
                let (task, unit) = (held.unit.task_id, &held.unit.unit);
                info!(task.id = task.get(), "unit {unit} of task {task} done");
                Some(Moved::Done)
            }
            Told::UnitMoved => Some(Moved::LeaseLost),
            Told::NotOurs => None,
        })
    }

    /// Writes these states, which say that the post is this delivery's, together with the claim on it. What was
    /// answered goes before what another delivery found.
    pub(super) async fn tell(
        &self,
        held: &mut Held,
        how: How,
        id: &str,
        change: &UnitChange,
        states: &[(&str, AccountState)],
    ) -> Result<Told> {
        let claim = held.claim(how, id);
        for _ in 0..TRIES {
            let action = self.claims.put(&claim, self.clock.now().as_second())?;
            match self.settle_with(held, change, Some(action), states).await? {
                Settled::Done => return Ok(Told::Done),
                Settled::UnitMoved => return Ok(Told::UnitMoved),
                Settled::ClaimTaken => {
                    if how == How::Found || !self.take_back(held, &claim, id).await? {
                        return Ok(Told::NotOurs);
                    }
                }
            }
        }
        Err(kernel::Error::Busy("moment claim").into())
    }

    /// Takes a post that the provider named in answer to this delivery from one that only found it: that one goes back
    /// to where it knew nothing, together with whatever it has told of the post. `false`: the other one was answered too.
    async fn take_back(&self, held: &Held, claim: &Claim, id: &str) -> Result<bool> {
        for _ in 0..TRIES {
            let theirs = self.claims.get(&claim.claim_key).await?;
            let Some(theirs) = theirs.filter(|theirs| theirs.delivery != claim.delivery) else { return Ok(true) };
            let (task_id, name) = theirs.task_and_unit().ok_or(kernel::Error::Corrupt("moment claim"))?;
            if theirs.how == How::Answered {
                let (mine, task) = (held.unit.task_id, task_id);
                error!(task.id = mine.get(), "one post was answered to tasks {mine} and {task}: not told for {mine}");
                return Ok(false);
            }
            let (unit, read) = futures::try_join!(
                async { self.units.get(task_id, name).await.map_err(crate::Error::from) },
                self.ledger.read(task_id)
            )?;
            let (Some(unit), Some((task, results))) = (unit, read) else {
                return Err(kernel::Error::Corrupt("moment claim").into());
            };
            let goes_back: Vec<&str> = results
                .iter()
                .filter(|result| unit.serves(result))
                .filter(|result| !result.status.ended() || result.moment_id.as_deref() == Some(id))
                .map(|result| result.account_id.as_str())
                .collect();
            let state = AccountState::Processing(Stage::Unconfirmed);
            let derived = derive(results.iter().map(|result| {
                if goes_back.contains(&result.account_id.as_str()) { state.status() } else { result.status }
            }));
            let now = self.clock.now();
            let mut actions = vec![
                self.claims.take_over(claim, &theirs, now.as_second())?,
                // Only whoever holds the unit may speak for it.
                self.units.advance(&held.unit, &held.owner, &UnitChange::default())?,
                self.units.send_back(&unit, now.as_millisecond())?,
                self.ledger.tasks.advance(&task, TaskChange::Results(derived), now.as_second())?,
            ];
            for account in &goes_back {
                actions.push(self.ledger.results.set(task_id, account, &state, now.as_second())?);
            }
            match transact(&self.ledger.client, &self.clock, actions).await? {
                Outcome::Committed => {
                    warn!(task.id = task_id.get(), "unit {name} of task {task_id} had found another unit's post");
                    let message = PublishMessage { task_id, unit: Some(name.to_owned()) };
                    self.send_message(&message, task.user_id, Duration::ZERO).await;
                    return Ok(true);
                }
                // What was to be told after this shows that the unit is lost.
                Outcome::Refused(refusals) if refusals.get(1).is_some_and(Refusal::refused) => return Ok(true),
                Outcome::Refused(_) => {}
            }
        }
        Err(kernel::Error::Busy("moment claim").into())
    }
}
