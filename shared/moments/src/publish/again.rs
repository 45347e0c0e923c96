//! Sending again what a person wants sent again, after the provider's list did not show it.

use std::time::Duration;

use kernel::dynamo::{Outcome, Refusal, transact};
use tracing::info;

use super::PublishMessage;
use super::channel::{Channel, unit_name};
use super::held::Held;
use super::runner::{Moved, Publisher};
use crate::error::Result;
use crate::ledger::Entry;
use crate::status::derive;
use crate::store::result::AccountState;
use crate::store::task::TaskChange;
use crate::store::unit::{UnitChange, UnitStage};
use crate::tasks::next_round;

/// How often what met another change of the task is tried again.
const TRIES: u32 = 30;

impl Publisher {
    /// Ends the unit and hands the accounts that were asked for to a new one, which is begun like any other.
    pub(super) async fn replace(&self, held: &mut Held, channel: &dyn Channel) -> Result<Moved> {
        for _ in 0..TRIES {
            let seen = held.seen(channel.members_confirm(), self.clock.now());
            let open: Vec<&String> =
                seen.open().into_iter().filter_map(|place| held.unit.account_ids.get(place)).collect();
            let corp_key = held.unit.corp_key.as_deref();
            let round = next_round(&held.entry.results);
            let first = open.first().ok_or(kernel::Error::Corrupt("publish unit"))?;
            let name = unit_name(corp_key, first, round);
            let accounts: Vec<_> =
                open.iter().map(|account| (account.as_str(), held.unit.member_of(account))).collect();
            let state = AccountState::Requeued { round };
            let derived = derive(
                held.entry
                    .results
                    .iter()
                    .map(|result| if open.contains(&&result.account_id) { state.status() } else { result.status }),
            );
            let (task_id, user_id, now) = (held.unit.task_id, held.unit.user_id, self.clock.now());
            let done = UnitChange { stage: Some(UnitStage::Done), ..UnitChange::default() };
            let task = &held.entry.task;
            let mut actions = vec![
                self.units.advance(&held.unit, &held.owner, &done)?,
                self.ledger.tasks.advance(task, TaskChange::Results(derived), now.as_second())?,
                self.units.create((task_id, user_id, &name), corp_key, &accounts, now.as_millisecond())?,
            ];
            for account in &open {
                actions.push(self.ledger.results.set(task_id, account, &state, now.as_second())?);
            }
            match transact(&self.ledger.client, &self.clock, actions).await? {
                Outcome::Committed => {
                    let unit = &held.unit.unit;
                    info!(task.id = task_id.get(), "unit {unit} of task {task_id} does not show: sent again as {name}");
                    self.send_message(&PublishMessage { task_id, unit: Some(name) }, user_id, Duration::ZERO).await;
                    return Ok(Moved::Done);
                }
                Outcome::Refused(refusals) if refusals.first().is_some_and(Refusal::refused) => {
                    return Ok(Moved::LeaseLost);
                }
                Outcome::Refused(_) => {
                    let read = self.ledger.read(task_id).await?;
                    let (task, results) = read.ok_or(kernel::Error::NotFound("moment task"))?;
                    held.entry = Entry { task, results };
                }
            }
        }
        Err(kernel::Error::Busy("moment task").into())
    }
}
