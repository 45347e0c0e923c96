//! Asking WeCom how far it has come: the job, then the members.

use super::{WecomChannel, without_token};
use crate::error::Result;
use crate::ids::AccountId;
use crate::provider::FailureKind;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::wecom::{JobId, JobState};

impl WecomChannel<'_> {
    /// How far the moment has come, or the job that makes it.
    pub(super) async fn poll(&mut self, claimed_delivery: &ClaimedDelivery, stopped: bool) -> Result<Event> {
        match (&claimed_delivery.row.moment_id, &claimed_delivery.row.job_id) {
            (Some(moment_id), _) => self.poll_members(claimed_delivery, moment_id, stopped).await,
            (None, Some(job_id)) => self.poll_job(claimed_delivery, job_id).await,
            (None, None) => Err(kernel::Error::Corrupt("publish delivery").into()),
        }
    }

    async fn poll_job(&mut self, claimed_delivery: &ClaimedDelivery, job_id: &str) -> Result<Event> {
        let token = match self.token(claimed_delivery).await {
            Ok(token) => token,
            Err(error) => return without_token(error),
        };
        Ok(match token.wecom.job_result(&token.token, &JobId(job_id.to_owned())).await {
            Ok(JobState::Running) => Event::JobRunning,
            Ok(JobState::Done { moment_id, invalid_senders }) => {
                Event::MomentCreated { id: moment_id, refused: invalid_senders }
            }
            Ok(JobState::Failed(failure)) => {
                // Kept, the upload would fail every later post of the company that shows it.
                if failure.kind == FailureKind::MediaInvalid {
                    self.forget_uploads(claimed_delivery).await?;
                }
                Event::JobFailed(failure)
            }
            Err(failure) => Event::NotAnswered(failure.kind),
        })
    }

    async fn poll_members(
        &mut self,
        claimed_delivery: &ClaimedDelivery,
        moment_id: &str,
        stopped: bool,
    ) -> Result<Event> {
        let token = match self.token(claimed_delivery).await {
            Ok(token) => token,
            Err(error) => return without_token(error),
        };
        let members = match token.wecom.member_status(&token.token, moment_id).await {
            Ok(members) => members,
            Err(failure) => return Ok(Event::NotAnswered(failure.kind)),
        };
        let has_published = |account: &AccountId| {
            let member = claimed_delivery.row.member_of(account);
            member.is_some_and(|member| members.iter().any(|(id, out)| *out && id.eq_ignore_ascii_case(member)))
        };
        let accounts = claimed_delivery.row.account_ids.iter().enumerate();
        let published = accounts.filter(|(_, account)| has_published(account)).map(|(place, _)| place).collect();
        let is_listed = |account: &AccountId| {
            let member = claimed_delivery.row.member_of(account);
            member.is_some_and(|member| members.iter().any(|(id, _)| id.eq_ignore_ascii_case(member)))
        };
        // An empty list is one that WeCom has not made yet.
        let places = claimed_delivery.row.account_ids.iter().enumerate().filter(|_| !members.is_empty());
        let unasked = places.filter(|(_, account)| !is_listed(account)).map(|(place, _)| place).collect();
        Ok(Event::MembersPolled { published, unasked, stopped })
    }

    /// Stops the members who have not published yet.
    pub(super) async fn stop_members(&mut self, claimed_delivery: &ClaimedDelivery) -> Result<Event> {
        let moment_id = claimed_delivery.row.moment_id.as_deref().ok_or(kernel::Error::Corrupt("publish delivery"))?;
        let token = match self.token(claimed_delivery).await {
            Ok(token) => token,
            Err(error) => return without_token(error),
        };
        let stopped = token.wecom.cancel(&token.token, moment_id).await;
        Ok(stopped.map_or_else(|failure| Event::NotStopped(failure.kind), |()| Event::Stopped))
    }
}
