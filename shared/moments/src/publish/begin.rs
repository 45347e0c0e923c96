//! Beginning a unit: everything that may be done twice, then the fence, then the one call that may not.

use std::time::Duration;

use tracing::warn;

use super::channel::Channel;
use super::prepare::{NotNow, Ready, Uploaded};
use super::step::{Held, Moved, Publisher, milliseconds};
use crate::error::{Error, PublishProblem, Result};
use crate::gateway::Post;
use crate::ledger::Settled;
use crate::provider::FailureKind;
use crate::store::claim::How;
use crate::store::result::{AccountState, Stage};
use crate::store::task::Task;
use crate::store::unit::{UnitChange, UnitStage};

/// What the call gave.
enum Sent {
    Post(Post),
    Job(String),
}

impl Publisher {
    pub(super) async fn begin(&self, held: &mut Held) -> Result<Moved> {
        if held.unit.attempts > self.settings.max_attempts {
            return self.give_up(held).await;
        }
        let task = held.entry.task.clone();
        let lateness = milliseconds(self.settings.max_lateness);
        if task.scheduled_time.is_some_and(|time| self.clock.now_ms() > time * 1_000 + lateness) {
            return self.fail(held, PublishProblem::Missed.advice()).await;
        }
        let Some(channel) = self.channel(held).await? else {
            return self.fail(held, PublishProblem::AccountUnusable.advice()).await;
        };
        if !self.show_claimed(held, &channel, held.unit.attempts == 1 && !task.media_urls.is_empty()).await? {
            return Ok(Moved::LeaseLost);
        }
        match self.prepare(held, &task, channel).await {
            Ok(Ok(ready)) => self.send(held, &task, ready).await,
            Ok(Err(NotNow::Turn(instant))) => {
                let pause = u64::try_from(instant - self.clock.now_ms()).unwrap_or(0);
                let change = UnitChange { waited: true, ..UnitChange::default() };
                self.later(held, change, Duration::from_millis(pause), Stage::Queued).await
            }
            Ok(Err(NotNow::Retry)) => {
                let pause = self.pause(self.settings.retry_pause, held.unit.attempts);
                self.later(held, UnitChange::default(), pause, Stage::Queued).await
            }
            Ok(Err(NotNow::Problem(advice))) => self.fail(held, advice).await,
            Err(Error::Provider(failure)) => self.refused(held, &failure, None, &[]).await,
            Err(error) => Err(error),
        }
    }

    /// Fails the accounts of a company that cannot be used any more: whoever is not asked must not be waited for. The
    /// others are shown as under way when media take a while; otherwise it is not worth a write of its own.
    async fn show_claimed(&self, held: &mut Held, channel: &Channel, takes_a_while: bool) -> Result<bool> {
        let usable = |account: &str| match channel {
            Channel::Personal { .. } => true,
            Channel::Corp { members, .. } => members.iter().any(|member| member.account_id == account),
        };
        let open = held.open_accounts();
        let states: Vec<_> = open
            .iter()
            .filter_map(|account| {
                let state = if !usable(account) {
                    AccountState::failed(PublishProblem::AccountUnusable.advice())
                } else if takes_a_while {
                    AccountState::Processing(Stage::Claimed)
                } else {
                    return None;
                };
                Some((account.as_str(), state))
            })
            .collect();
        if states.is_empty() {
            return Ok(true);
        }
        Ok(self.settle(held, &UnitChange::default(), &states).await? == Settled::Done)
    }

    /// The fence and the call. What was written before it says SENDING; what comes after only adds the outcome.
    async fn send(&self, held: &mut Held, task: &Task, ready: Ready) -> Result<Moved> {
        let open = held.open_accounts();
        let sending: Vec<_> =
            open.iter().map(|account| (account.as_str(), AccountState::Processing(Stage::Sending))).collect();
        let asked = match &ready {
            Ready::Personal { .. } => None,
            Ready::Corp { draft, .. } => Some(draft.senders.clone()),
        };
        let change = UnitChange {
            stage: Some(UnitStage::Sending),
            sending_at: Some(self.clock.now_ms()),
            asked_member_ids: asked,
            ..UnitChange::default()
        };
        if self.settle(held, &change, &sending).await? == Settled::UnitMoved {
            return Ok(Moved::LeaseLost);
        }
        let text = task.text_content.as_str();
        let (sent, token_version, hashes) = match ready {
            Ready::Personal { gateway, app_id, media } => {
                let sent = match media {
                    Uploaded::None => gateway.send_text(&app_id, text).await,
                    Uploaded::Images(images) => gateway.send_images(&app_id, text, &images).await,
                    Uploaded::Video(video) => gateway.send_video(&app_id, text, &video).await,
                };
                (sent.map(Sent::Post), None, Vec::new())
            }
            Ready::Corp { token, draft, hashes } => {
                let sent = self.wecom.add_moment_task(&token.token, &draft).await;
                (sent.map(|job| Sent::Job(job.0)), Some(token.version), hashes)
            }
        };
        match sent {
            Ok(Sent::Post(post)) => match self.published(held, How::Answered, &post.id).await? {
                Some(moved) => Ok(moved),
                None => self.unconfirmed(held).await,
            },
            Ok(Sent::Job(job_id)) => {
                let change =
                    UnitChange { stage: Some(UnitStage::Submitted), job_id: Some(job_id), ..UnitChange::default() };
                self.later(held, change, self.settings.job_pause, Stage::Submitted).await
            }
            Err(failure) if failure.kind == FailureKind::OutcomeUnknown => {
                warn!(task.id = task.id.get(), "outcome of task {} not known: {failure}", task.id);
                self.unconfirmed(held).await
            }
            Err(failure) => self.refused(held, &failure, token_version, &hashes).await,
        }
    }
}
