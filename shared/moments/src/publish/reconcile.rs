//! After a lost answer: the provider's own list is the only witness.

use crate::error::{PublishProblem, Result};
use crate::provider::ProviderError;
use crate::store::result::{AccountState, Stage};
use crate::store::unit::{UnitChange, UnitStage};

use super::channel::Channel;
use super::read_back_personal::{PersonalDevice, ReadBack};
use super::step::{Held, Moved, Publisher};

/// How far the provider's clock and ours may be apart, in seconds.
pub(super) const CLOCK_SKEW: i64 = 30;

/// What the list says.
enum Witness {
    Post(String),
    Moment(String),
    Nothing,
}

impl Publisher {
    pub(super) async fn reconcile(&self, held: &mut Held) -> Result<Moved> {
        match self.witness(held).await {
            Ok(Witness::Post(id)) => {
                let open = held.open_accounts();
                let states: Vec<_> = open
                    .iter()
                    .map(|account| (account.as_str(), AccountState::Success { moment_id: id.clone() }))
                    .collect();
                self.finish(held, &states).await
            }
            Ok(Witness::Moment(id)) => self.await_members(held, id, &[]).await,
            Ok(Witness::Nothing) | Err(crate::Error::Provider(ProviderError { .. })) => {
                if held.unit.attempts >= self.settings.reconcile_tries {
                    return self.fail(held, PublishProblem::Unconfirmed.advice()).await;
                }
                let pause = self.pause(self.settings.reconcile_pause, held.unit.attempts + 1);
                self.later(held, UnitChange::default(), pause, Stage::Unconfirmed).await
            }
            Err(error) => Err(error),
        }
    }

    async fn witness(&self, held: &Held) -> Result<Witness> {
        let task = &held.entry.task;
        let sent_at = held.unit.sending_at.div_euclid(1_000);
        match self.channel(held).await? {
            None => Ok(Witness::Nothing),
            Some(Channel::Personal { gateway, app_id, wxid, account }) => {
                let recorded = account.last_moment_id.as_deref();
                let device = PersonalDevice { gateway: &gateway, app_id: &app_id, wxid: &wxid, recorded };
                Ok(match self.read_back_personal(&held.unit, task, &device).await? {
                    ReadBack::Found(id) => Witness::Post(id),
                    ReadBack::NotShown { .. } => Witness::Nothing,
                })
            }
            Some(Channel::Corp { corp_key, members }) => {
                let since = sent_at - CLOCK_SKEW;
                let token = self.tokens.get(held.unit.user_id, &corp_key, None).await?;
                let moments =
                    self.wecom.moment_list(&token.token, since, self.clock.now().as_second() + CLOCK_SKEW).await?;
                let alike = moments.into_iter().filter(|moment| {
                    moment.create_time.is_none_or(|time| time >= since)
                        && moment.by_corp
                        && moment.text == task.text_content
                        && moment.image_count + usize::from(moment.has_video) == task.media_urls.len()
                });
                let ours: Vec<_> = members.iter().filter_map(|member| member.member_id.as_deref()).collect();
                let mut found = Vec::new();
                for moment in alike {
                    // The same words may have been given to other members of the company by another task.
                    let asked = self.wecom.member_status(&token.token, &moment.moment_id).await?;
                    if asked.iter().all(|(member, _)| ours.contains(&member.as_str())) {
                        found.push(moment.moment_id);
                    }
                }
                // Two that are alike prove nothing about either.
                Ok(match found.pop() {
                    Some(id) if found.is_empty() => Witness::Moment(id),
                    _ => Witness::Nothing,
                })
            }
        }
    }

    /// WeCom has made the task under this id: its members are asked now.
    pub(super) async fn await_members(&self, held: &mut Held, moment_id: String, refused: &[String]) -> Result<Moved> {
        let open = held.open_accounts();
        let is_refused =
            |account: &str| held.unit.member_of(account).is_none_or(|id| refused.iter().any(|refused| refused == id));
        let states: Vec<_> = open
            .iter()
            .map(|account| {
                let state = if is_refused(account) {
                    AccountState::failed(PublishProblem::MemberRefused.advice())
                } else {
                    AccountState::Processing(Stage::WaitingMemberConfirm)
                };
                (account.as_str(), state)
            })
            .collect();
        if states.iter().all(|(_, state)| state.status().ended()) {
            return self.finish(held, &states).await;
        }
        let pause = self.settings.member_pause;
        let now = self.clock.now_ms();
        let change = UnitChange {
            stage: Some(UnitStage::Waiting),
            moment_id: Some(moment_id),
            confirm_until: Some(now + super::step::milliseconds(self.settings.confirm_within)),
            release_until: Some(now + super::step::milliseconds(pause)),
            ..UnitChange::default()
        };
        self.settled_later(held, &change, &states, pause).await
    }
}
