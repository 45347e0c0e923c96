//! Following a company's publication: WeCom's job, then each member's confirmation.

use std::time::Duration;

use kernel::ids::UserId;

use super::step::{Held, Moved, Publisher};
use crate::error::{Error, PublishProblem, Result, provider_advice};
use crate::ledger::Settled;
use crate::provider::FailureKind;
use crate::store::claim::How;
use crate::store::result::{AccountState, Stage};
use crate::store::unit::{UnitChange, UnitStage};
use crate::wecom::{JobId, JobState};

/// WeCom forgets a job after a day; from then on only its list can tell.
pub(super) const JOB_LIFETIME_MS: i64 = 24 * 3_600_000;
/// The pauses double up to these.
const LONGEST_JOB_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_MEMBER_PAUSE: Duration = Duration::from_secs(1_800);
/// How long after the deadline WeCom is asked for its last word while it fails to give it.
const LAST_WORD_MS: i64 = 24 * 3_600_000;

impl Publisher {
    pub(super) async fn follow_job(&self, held: &mut Held) -> Result<Moved> {
        let (Some(corp_key), Some(job_id)) = (held.unit.corp_key.clone(), held.unit.job_id.clone()) else {
            return Err(kernel::Error::Corrupt("publish unit").into());
        };
        let corp_key = corp_key.as_str();
        if self.clock.now_ms() > held.unit.sending_at + JOB_LIFETIME_MS {
            return self.unconfirmed(held).await;
        }
        let token = match self.tokens.get(held.unit.user_id, corp_key, None).await {
            Ok(token) => token,
            Err(Error::Provider(failure)) if failure.kind == FailureKind::BadCredentials => {
                return self.await_new_secret(held).await;
            }
            Err(Error::Provider(_)) => return self.look_again(held, self.settings.job_pause, LONGEST_JOB_PAUSE).await,
            Err(error) => return Err(error),
        };
        match self.wecom.job_result(&token.token, &JobId(job_id)).await {
            Ok(JobState::Running) => self.look_again(held, self.settings.job_pause, LONGEST_JOB_PAUSE).await,
            Ok(JobState::Done { moment_id, invalid_senders }) => {
                match self.await_members(held, How::Answered, moment_id, &invalid_senders).await? {
                    Some(moved) => Ok(moved),
                    None => self.unconfirmed(held).await,
                }
            }
            // "System busy" does not say when it failed, so the moment may be there all the same.
            Ok(JobState::Failed(failure)) if failure.kind == FailureKind::OutcomeUnknown => {
                self.unconfirmed(held).await
            }
            Ok(JobState::Failed(failure)) => self.fail(held, provider_advice(&failure)).await,
            Err(failure) if failure.kind == FailureKind::NotFound => self.unconfirmed(held).await,
            Err(failure) => {
                if failure.kind == FailureKind::TokenInvalid
                    && !self.mend_token(held.unit.user_id, corp_key, token.version).await?
                {
                    return self.await_new_secret(held).await;
                }
                self.look_again(held, self.settings.job_pause, LONGEST_JOB_PAUSE).await
            }
        }
    }

    pub(super) async fn follow_members(&self, held: &mut Held) -> Result<Moved> {
        let (Some(corp_key), Some(moment_id)) = (held.unit.corp_key.clone(), held.unit.moment_id.clone()) else {
            return Err(kernel::Error::Corrupt("publish unit").into());
        };
        let (corp_key, moment_id) = (corp_key.as_str(), moment_id.as_str());
        let now = self.clock.now_ms();
        let (over, no_last_word) = (now >= held.unit.confirm_until, now >= held.unit.confirm_until + LAST_WORD_MS);
        let token = match self.tokens.get(held.unit.user_id, corp_key, None).await {
            Ok(token) => token,
            // Whoever cannot ask has learnt nothing: members may have published, and may still do so.
            Err(Error::Provider(_)) if no_last_word => {
                return self.fail(held, PublishProblem::MembersUnconfirmed.advice()).await;
            }
            Err(Error::Provider(failure)) if failure.kind == FailureKind::BadCredentials => {
                return self.await_new_secret(held).await;
            }
            Err(Error::Provider(_)) => {
                return self.look_again(held, self.settings.member_pause, LONGEST_MEMBER_PAUSE).await;
            }
            Err(error) => return Err(error),
        };
        let mut stopped = false;
        if over {
            // First no member may confirm any more, then the last look: nobody can slip through between the two.
            match self.wecom.cancel(&token.token, moment_id).await {
                Err(failure) if passes(&failure.kind) && !no_last_word => {
                    return self.look_again_after_failure(held, corp_key, token.version, failure.kind).await;
                }
                // What does not exist any more cannot be published either.
                outcome => stopped = outcome.map_or_else(|failure| failure.kind == FailureKind::NotFound, |()| true),
            }
        }
        let members = match self.wecom.member_status(&token.token, moment_id).await {
            Ok(members) => members,
            // Who has published will not be known any more: that is the truth then.
            Err(failure) if no_last_word || (over && !passes(&failure.kind)) => {
                return self.fail(held, PublishProblem::MembersUnconfirmed.advice()).await;
            }
            Err(failure) => {
                return self.look_again_after_failure(held, corp_key, token.version, failure.kind).await;
            }
        };
        // Who could not be stopped can still publish, so only one who was is certain to have failed.
        let too_late = if stopped { PublishProblem::NotConfirmedByMember } else { PublishProblem::MembersUnconfirmed };
        let open = held.undecided_accounts();
        let published = |account: &str| {
            let member = held.unit.member_of(account)?;
            members.iter().find(|(id, _)| id.eq_ignore_ascii_case(member)).map(|(_, published)| *published)
        };
        let states: Vec<_> = open
            .iter()
            .filter_map(|account| match published(account) {
                Some(true) => Some((account.as_str(), AccountState::Success { moment_id: moment_id.to_owned() })),
                _ if over => Some((account.as_str(), AccountState::failed(too_late.advice()))),
                _ => None,
            })
            .collect();
        if states.len() == open.len() {
            return self.finish(held, &states).await;
        }
        if !states.is_empty() && self.settle(held, &UnitChange::default(), &states).await? == Settled::UnitMoved {
            return Ok(Moved::LeaseLost);
        }
        self.look_again(held, self.settings.member_pause, LONGEST_MEMBER_PAUSE).await
    }

    async fn look_again_after_failure(
        &self,
        held: &mut Held,
        corp_key: &str,
        version: u64,
        kind: FailureKind,
    ) -> Result<Moved> {
        if kind == FailureKind::TokenInvalid && !self.mend_token(held.unit.user_id, corp_key, version).await? {
            return self.await_new_secret(held).await;
        }
        self.look_again(held, self.settings.member_pause, LONGEST_MEMBER_PAUSE).await
    }

    /// `false` when the secret is refused. Another refusal to give a new token shows at the next look; only our own
    /// stores' failures are passed on.
    async fn mend_token(&self, user_id: UserId, corp_key: &str, version: u64) -> Result<bool> {
        match self.tokens.get(user_id, corp_key, Some(version)).await {
            Ok(_) => Ok(true),
            Err(Error::Provider(failure)) => Ok(failure.kind != FailureKind::BadCredentials),
            Err(error) => Err(error),
        }
    }

    /// The secret is refused: WeCom blocks an address that goes on asking with it, so it is seldom tried from now on,
    /// and the accounts show that somebody has to mend it.
    async fn await_new_secret(&self, held: &mut Held) -> Result<Moved> {
        self.expire(held).await?;
        self.look_again(held, LONGEST_MEMBER_PAUSE, LONGEST_MEMBER_PAUSE).await
    }

    async fn look_again(&self, held: &mut Held, first: Duration, longest: Duration) -> Result<Moved> {
        let doubled = first.saturating_mul(1 << held.unit.attempts.saturating_sub(1).min(12)).min(longest.max(first));
        let stage = match held.unit.stage {
            UnitStage::Submitted => Stage::Submitted,
            _ => Stage::WaitingMemberConfirm,
        };
        // The deadline itself is a moment to look, however long the pause would be.
        let left = held.unit.confirm_until - self.clock.now_ms();
        let pause = match u64::try_from(left) {
            Ok(left) if left > 0 => doubled.min(Duration::from_millis(left)),
            _ => doubled,
        };
        self.later(held, UnitChange::default(), pause, stage).await
    }
}

/// Whether it may be otherwise in a while.
pub(super) const fn passes(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Retry | FailureKind::TokenInvalid | FailureKind::RateLimited { .. })
}
