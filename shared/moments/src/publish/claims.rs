//! Taking a post back: what the provider answered to one delivery goes before what another one found.

use std::time::Duration;

use kernel::dynamo::{Outcome, Refusal, transact};
use tracing::{error, warn};

use super::PublishMessage;
use super::channel::Channel;
use super::held::Held;
use super::machine::{Event, Intervention, intervene};
use super::runner::Publisher;
use crate::error::Result;
use crate::status::derive;
use crate::store::claim::How;
use crate::store::result::{AccountState, Stage};
use crate::store::task::TaskChange;
use crate::store::unit::UnitChange;

/// How often what met another change is tried again.
const TRIES: u32 = 10;

impl Publisher {
    /// Takes the post that the provider named in answer to this delivery from one that only found it: that one goes back
    /// to where it knew nothing, together with whatever it has told of the post. Then the post is free to be told.
    pub(super) async fn take_back(&self, held: &Held, channel: &dyn Channel) -> Result<Event> {
        let id = held.unit.moment_id.as_deref().ok_or(kernel::Error::Corrupt("publish unit"))?;
        let claim = held.claim(channel.provider(), How::Answered, id);
        for _ in 0..TRIES {
            let theirs = self.claims.get(&claim.claim_key).await?;
            let Some(theirs) = theirs.filter(|theirs| theirs.delivery != claim.delivery) else {
                return Ok(Event::Noted);
            };
            let (task_id, name) = theirs.task_and_unit().ok_or(kernel::Error::Corrupt("moment claim"))?;
            if theirs.how == How::Answered {
                let (mine, task) = (held.unit.task_id, task_id);
                error!(task.id = mine.get(), "one post was answered to tasks {mine} and {task}: not told for {mine}");
                return Ok(Event::AnsweredToAnother);
            }
            let (unit, read) = futures::try_join!(
                async { self.units.get(task_id, name).await.map_err(crate::Error::from) },
                self.ledger.read(task_id)
            )?;
            let (Some(unit), Some((task, results))) = (unit, read) else {
                return Err(kernel::Error::Corrupt("moment claim").into());
            };
            let stage =
                intervene(unit.stage, Intervention::PostTakenBack).ok_or(kernel::Error::Corrupt("moment claim"))?;
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
                self.claims.take_over(&claim, &theirs, now.as_second())?,
                // Only whoever holds the unit may speak for it.
                self.units.advance(&held.unit, &held.owner, &UnitChange::default())?,
                self.units.send_back(&unit, stage, now.as_millisecond())?,
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
                    return Ok(Event::Noted);
                }
                // What is told after this shows that the unit is lost.
                Outcome::Refused(refusals) if refusals.get(1).is_some_and(Refusal::refused) => {
                    return Ok(Event::Noted);
                }
                Outcome::Refused(_) => {}
            }
        }
        Err(kernel::Error::Busy("moment claim").into())
    }
}
