//! The publishing state machine: what becomes of a delivery, decided in one pure function.
//!
//! [`next`] is given what the rows say, what has just happened, and the policy. It answers what is to be written and
//! what is to be done then. It reads no clock, calls nobody and knows no provider: the [runner](super::runner) does what
//! it says, and the [channels](super::channel) put what a provider said into its words.

mod delivery;
mod event;
mod policy;
mod rules;
mod transition;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

#[cfg(test)]
use delivery::DeliveryAccount;
pub(crate) use delivery::Reported;
pub(super) use delivery::{DeliveryState, WorkerTime};
pub(super) use event::{Absence, Event};
pub(crate) use policy::Guards;
pub(crate) use policy::JOB_LIFETIME;
pub(super) use policy::Policy;
pub(crate) use rules::{Retry, retry};
pub(super) use transition::{Call, NextStep, Recovery, Transition};

use crate::store::delivery::DeliveryStage;

/// A pair of stage and event that cannot come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to a delivery in {}", stage.as_str())]
pub(super) struct Impossible {
    pub stage: DeliveryStage,
    pub event: &'static str,
}

/// What somebody who does not hold the delivery does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intervention {
    /// Its user calls it off.
    Cancelled,
    /// Its user stops it after it was sent, or while it was.
    Stopped,
    /// Its user has it looked at once more; `moment_known` says whether only its members' last look is missing.
    Reopened {
        /// Whether its row holds the id of a company's moment.
        moment_known: bool,
    },
    /// Its post, which it had only found, is the answer to another delivery.
    PostTakenBack,
}

/// What an intervention makes of a delivery; `None` where it is not allowed.
pub(crate) const fn intervene(stage: DeliveryStage, intervention: Intervention) -> Option<DeliveryStage> {
    use DeliveryStage as S;
    use Intervention as I;
    match (stage, intervention) {
        // Anything later was or may have been sent.
        (S::Queued, I::Cancelled) => Some(S::Done),
        // It goes on to where what members have not confirmed can be stopped, and nothing is sent again on the way.
        (S::Sending | S::Submitted | S::Answered | S::Waiting | S::Unconfirmed, I::Stopped) => Some(stage),
        (S::Done, I::Reopened { moment_known: true }) => Some(S::Waiting),
        (S::Done, I::Reopened { moment_known: false }) => Some(S::Unconfirmed),
        (S::Waiting | S::Done | S::Unconfirmed, I::PostTakenBack) => Some(S::Unconfirmed),
        _ => None,
    }
}

/// What becomes of `delivery` when `event` happens to it.
///
/// | stage | what it means | leaves it by |
/// |---|---|---|
/// | QUEUED | nothing was sent | the call (SENDING), a reason why it is never sent (DONE) |
/// | SENDING | the one call is under way, or its worker died in it | its answer, or UNCONFIRMED; never a second call |
/// | ANSWERED | the provider named the post, and its id is on the row | telling it (WAITING, DONE), or UNCONFIRMED when it was named to another delivery too |
/// | SUBMITTED | WeCom has taken the job | its moment (ANSWERED), its failure (DONE), a day (UNCONFIRMED) |
/// | WAITING | members are asked to confirm | their confirmation or the deadline (DONE) |
/// | UNCONFIRMED | only the provider's list can tell | what it shows (WAITING, DONE), so many looks (DONE) |
///
/// # Errors
/// [`Impossible`] for a pair that no run of a worker brings about.
pub(super) fn next(delivery: &DeliveryState, event: Event, policy: &Policy) -> Result<Transition, Impossible> {
    use {DeliveryStage as S, Event as E};
    let (d, p, name) = (delivery, policy, event.name());
    Ok(match (d.stage, event) {
        (S::Queued, E::Claimed) => rules::begin(d, p),
        (S::Queued, E::Usable(usable)) => rules::choose(d, &usable, p),
        (S::Queued, E::AccountOffline) => rules::offline(d, p),
        (S::Queued, E::Prepared { asked, uploads }) => rules::fence(d, (asked, uploads), p),
        (S::Queued, E::TemporaryFailure) => rules::queue_again(d, p.retry_after(d.attempts)),
        (S::Queued, E::MediaUnusable(advice)) => rules::fail(d, &advice),
        (S::Queued, E::TextForbidden { advice, words_version }) => rules::text_forbidden(d, &advice, words_version),
        (S::Queued | S::Sending, E::NotBefore(instant, reason)) => rules::wait_for_slot(d, instant, reason),
        (S::Queued | S::Sending, E::Refused(failure)) => rules::refused(d, &failure, p),
        (S::Queued | S::Sending, E::Recovered(repair)) => rules::repaired(d, repair),
        (S::Queued | S::Sending, E::NoToken(failure)) => rules::not_recovered(d, &failure, p),

        (S::Sending, E::Claimed) => rules::interrupted(d, p),
        (S::Sending, E::AnswerLost) => rules::unconfirmed(d, p),
        (S::Sending, E::Accepted { job_id }) => rules::job_taken(job_id),
        (S::Sending, E::Posted { id }) => rules::answered(d, id, Vec::new(), p),
        (S::Submitted, E::MomentCreated { id, refused }) => rules::answered(d, id, refused, p),

        (S::Answered, E::Claimed | E::RowWritten) => rules::record_answered(d, p),
        (S::Answered, E::ClaimTaken) => rules::take_back(),
        (S::Answered, E::AnsweredToAnother) => rules::unconfirmed(d, p),

        (S::Unconfirmed, E::Claimed) => Transition::call(Call::FindPublished),
        (S::Unconfirmed, E::PostFound { id }) => rules::record_found(d, id, p),
        (S::Unconfirmed, E::NotShown(absence)) => rules::not_shown(d, absence, p),
        (S::Unconfirmed, E::Unreadable) => rules::unreadable(d, p),
        (S::Unconfirmed, E::NotBefore(instant, reason)) => rules::wait_to_read(d, instant, reason, p),
        // Another delivery was faster: the list has to be read without that post.
        (S::Unconfirmed, E::ClaimTaken) => rules::read_again(d, p),

        (S::Submitted, E::RowWritten) => rules::job_noted(d, p),
        (S::Submitted, E::Claimed) => rules::follow_job(d, p),
        (S::Submitted, E::JobRunning | E::Recovered(_)) => rules::poll_again(d, p),
        (S::Submitted, E::JobFailed(failure)) => rules::job_failed(d, &failure, p),
        (S::Submitted, E::NotAnswered(kind)) => rules::job_not_answered(d, kind, p),
        (S::Submitted, E::NoToken(failure)) => rules::job_without_token(d, &failure, p),

        (S::Waiting, E::Claimed) => rules::follow_members(d),
        (S::Waiting, E::Stopped) => Transition::call(Call::Follow { stopped: true }),
        (S::Waiting, E::NotStopped(kind)) => rules::not_stopped(d, kind, p),
        (S::Waiting, E::MembersPolled { published, unasked, stopped }) => {
            rules::members_polled(d, (&published, &unasked), stopped, p)
        }
        (S::Waiting, E::NotAnswered(kind)) => rules::members_not_answered(d, kind, p),
        (S::Waiting, E::NoToken(failure)) => rules::members_without_token(d, &failure, p),
        (S::Waiting, E::Recovered(_)) => rules::poll_again(d, p),

        (stage, _) => return Err(Impossible { stage, event: name }),
    })
}
