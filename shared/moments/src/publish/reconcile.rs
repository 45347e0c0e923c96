//! After a lost answer: the provider's own list is the only witness.

use std::collections::BTreeSet;

use crate::error::{PublishProblem, Result};
use crate::provider::{FailureKind, ProviderError};
use crate::store::claim::How;
use crate::store::result::{AccountState, Stage};
use crate::store::unit::{UnitChange, UnitStage};

use super::channel::Channel;
use super::claims::Told;
use super::follow::JOB_LIFETIME_MS;
use super::read_back_personal::{Alike, PersonalDevice};
use super::step::{Held, Moved, Publisher};

/// How far the provider's clock and ours may be apart, in seconds.
pub(super) const CLOCK_SKEW: i64 = 30;

/// What the provider's own list says of a unit's post.
enum ReadBack {
    /// This is it: it says the same, is by the same, and is no other delivery's.
    Found(String),
    /// The list was read, and it is not there.
    NotShown(Absence),
    /// The list cannot be read, which says nothing.
    Unreadable,
}

/// What it means that a post is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// It is not out: it would be shown.
    Proven,
    /// Nothing speaks for its being out, but the list may be late.
    Likely,
    /// Something may be it, or the time it was sent at was not read: whoever sends again may publish twice.
    InDoubt,
}

impl Publisher {
    pub(super) async fn reconcile(&self, held: &mut Held) -> Result<Moved> {
        let read = match self.read_back(held).await {
            Err(crate::Error::Provider(ProviderError { .. })) => ReadBack::Unreadable,
            read => read?,
        };
        if let ReadBack::Found(id) = read {
            let told = match held.unit.corp_key {
                None => self.published(held, How::Found, &id).await?,
                Some(_) => self.await_members(held, How::Found, id, &[]).await?,
            };
            if let Some(moved) = told {
                return Ok(moved);
            }
            // Another delivery was faster: it is not ours, and the list has to be read without it.
            return self.read_again(held).await;
        }
        // Who asked for it has looked. Where not showing proves little, the list is read as often as after any lost
        // answer; where it is in doubt, or cannot be read at all, nothing is sent.
        let last = held.unit.attempts >= self.settings.reconcile_tries;
        let is_absent = match read {
            ReadBack::NotShown(Absence::Proven) => true,
            ReadBack::NotShown(Absence::Likely) => last,
            _ => false,
        };
        if is_absent && held.unit.resend_if_absent {
            return self.send_again(held).await;
        }
        self.read_again(held).await
    }

    /// Reads the list once more in a while, or ends without having learnt what became of the post.
    async fn read_again(&self, held: &mut Held) -> Result<Moved> {
        if held.unit.attempts >= self.settings.reconcile_tries {
            let problem = match held.unit.corp_key {
                Some(_) => PublishProblem::MembersUnconfirmed,
                None => PublishProblem::Unconfirmed,
            };
            return self.fail(held, problem.advice()).await;
        }
        let pause = self.pause(self.settings.reconcile_pause, held.unit.attempts + 1);
        self.later(held, UnitChange::default(), pause, Stage::Unconfirmed).await
    }

    /// Reads the list. What another delivery has claimed is not this one's, however alike it looks.
    async fn read_back(&self, held: &Held) -> Result<ReadBack> {
        let alike = match &held.unit.corp_key {
            None => self.posts_alike(held).await?,
            Some(corp_key) => Some(self.moments_alike(held, corp_key).await?),
        };
        let Some(alike) = alike else { return Ok(ReadBack::Unreadable) };
        for id in alike.ids {
            if self.is_free(held, &id).await? {
                return Ok(ReadBack::Found(id));
            }
        }
        for id in alike.partly {
            if self.is_free(held, &id).await? {
                return Ok(ReadBack::NotShown(Absence::InDoubt));
            }
        }
        Ok(ReadBack::NotShown(alike.absence))
    }

    /// Whether no other delivery has claimed the post.
    async fn is_free(&self, held: &Held, id: &str) -> Result<bool> {
        let ours = held.claim(How::Found, id);
        let claimed = self.claims.get(&ours.claim_key).await?;
        Ok(claimed.is_none_or(|claimed| claimed.delivery == ours.delivery))
    }

    /// The account's posts that may be the unit's; `None` when the account cannot be used.
    async fn posts_alike(&self, held: &Held) -> Result<Option<Alike>> {
        let Some(Channel::Personal { gateway, app_id, wxid, account }) = self.channel(held).await? else {
            return Ok(None);
        };
        let recorded = account.last_moment_id.as_deref();
        let device = PersonalDevice { gateway: &gateway, app_id: &app_id, wxid: &wxid, recorded };
        Ok(Some(self.read_back_personal(&held.unit, &held.entry.task, &device).await?))
    }

    /// The company's moments that may be the unit's, oldest first: those that ask exactly the members that it asked. Who
    /// of them is connected by now does not matter.
    async fn moments_alike(&self, held: &Held, corp_key: &str) -> Result<Alike> {
        let task = &held.entry.task;
        let since = held.unit.sending_at.div_euclid(1_000) - CLOCK_SKEW;
        // A job makes its moment within its lifetime, or never.
        let last = (held.unit.sending_at + JOB_LIFETIME_MS).min(self.clock.now_ms()).div_euclid(1_000) + CLOCK_SKEW;
        let token = self.tokens.get(held.unit.user_id, corp_key, None).await?;
        let mut moments = self.wecom.moment_list(&token.token, since, last).await?;
        moments.retain(|moment| {
            moment.create_time.is_none_or(|time| time >= since)
                && moment.by_corp
                && moment.text == task.text_content
                && moment.image_count + usize::from(moment.has_video) == task.media_urls.len()
        });
        moments.sort_by_key(|moment| moment.create_time);
        let asked = folded(held.unit.asked().iter());
        let (mut ids, mut partly) = (Vec::new(), Vec::new());
        for moment in moments {
            match self.wecom.member_status(&token.token, &moment.moment_id).await {
                // The same words may have been given to other members of the company by another task.
                Ok(members) => {
                    let members = folded(members.iter().map(|(member, _)| member));
                    if !asked.is_empty() && members == asked {
                        ids.push(moment.moment_id);
                    } else if members.iter().any(|member| asked.contains(member)) {
                        // Some of the members asked: it may be this one, of which WeCom has left members out.
                        partly.push(moment.moment_id);
                    }
                }
                // Deleted since the list was made.
                Err(failure) if failure.kind == FailureKind::NotFound => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        // WeCom lists all of a company's moments, but its job may make one for as long as it lives.
        let is_over = self.clock.now_ms() > held.unit.sending_at + JOB_LIFETIME_MS;
        let absence = if is_over { Absence::Proven } else { Absence::Likely };
        Ok(Alike { ids, partly, absence })
    }

    /// WeCom has made the task under this id: its members are asked now.
    /// `None`: it is another delivery's.
    pub(super) async fn await_members(
        &self,
        held: &mut Held,
        how: How,
        moment_id: String,
        refused: &[String],
    ) -> Result<Option<Moved>> {
        let open = held.undecided_accounts();
        let among = |members: &[String], id: &str| members.iter().any(|member| member.eq_ignore_ascii_case(id));
        let states: Vec<_> = open
            .iter()
            .map(|account| {
                let state = match held.unit.member_of(account) {
                    Some(id) if among(refused, id) => AccountState::failed(PublishProblem::MemberRefused.advice()),
                    Some(id) if among(held.unit.asked(), id) => AccountState::Processing(Stage::WaitingMemberConfirm),
                    // Nobody has asked this member.
                    _ => AccountState::failed(PublishProblem::AccountUnusable.advice()),
                };
                (account.as_str(), state)
            })
            .collect();
        if states.iter().all(|(_, state)| state.status().ended()) {
            return self.finish(held, &states).await.map(Some);
        }
        let pause = self.settings.member_pause;
        let now = self.clock.now_ms();
        let change = UnitChange {
            stage: Some(UnitStage::Waiting),
            moment_id: Some(moment_id.clone()),
            confirm_until: Some(now + super::step::milliseconds(self.settings.confirm_within)),
            release_until: Some(now + super::step::milliseconds(pause)),
            ..UnitChange::default()
        };
        Ok(match self.tell(held, how, &moment_id, &change, &states).await? {
            Told::Done => {
                self.wake(held, pause).await;
                Some(Moved::Later)
            }
            Told::UnitMoved => Some(Moved::LeaseLost),
            Told::NotOurs => None,
        })
    }
}

/// Members without the differences that WeCom does not make.
fn folded<'a>(members: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    members.map(|member| member.to_ascii_lowercase()).collect()
}
