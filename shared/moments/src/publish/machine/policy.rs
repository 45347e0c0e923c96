//! How long, how often, and the rules that keep a post from going out twice.

use std::time::Duration;

use jiff::Timestamp;
use kernel::queue::MAX_DELAY;
use kernel::retry::Backoff;

use crate::config::{PublishSettings, TIME_TO_WRITE};
use crate::time::after;

/// WeCom forgets a job after a day; from then on only its list can tell.
pub(crate) const JOB_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// How long after the deadline WeCom is asked for its last word while it fails to give it.
pub(super) const FINAL_POLL_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// How long an account's readings are waited for: no limit that is known to us lasts longer than a day.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3 * 24 * 3_600);
/// How soon it is looked again whether an account that is off the line has come back.
pub(super) const OFFLINE_PAUSE: Duration = Duration::from_secs(60);
/// How often a delivery is begun before it gives up: with the pauses between, some twenty minutes later.
const MAX_ATTEMPTS: u32 = 8;
/// How often a provider's list is read for a post whose answer was lost. Each reading of a person's takes up to four of
/// the 200 calls a day that the gateway allows.
const RECONCILE_TRIES: u32 = 4;
/// How long a person's list that cannot be read is waited for. Outages of a gateway, which are why answers are lost, last
/// longer than the minutes in which a list that can be read is consulted.
const UNREADABLE_PERSON: Duration = Duration::from_secs(6 * 3_600);
/// How long after its call was begun a post is certainly in a list that shows others of its account. The gateway does not
/// say how late its lists may be; what they are tested with is up to 30 minutes (`list_delay_seconds` of the sandbox). The
/// five minutes more are for a call that its worker makes as late as it can, and for clocks that differ.
const PROVEN_AFTER: Duration = Duration::from_secs(35 * 60);
/// The pauses between two looks double up to these.
pub(super) const LONGEST_JOB_PAUSE: Duration = Duration::from_secs(30);
pub(super) const LONGEST_MEMBER_PAUSE: Duration = Duration::from_secs(1_800);

/// The settings that the machine decides by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// A timed post this much behind is missed instead of late.
    pub max_lateness: Duration,
    /// One without a time, or that is tried again, fails when it could not go out for so long.
    pub max_wait: Duration,
    /// How often a delivery may be begun before it gives up.
    pub max_attempts: u32,
    /// What the call and the write after it take at the worst.
    pub time_to_send: Duration,
    /// The first pauses; they double with each attempt.
    pub retry_pause: Duration,
    pub job_pause: Duration,
    pub member_pause: Duration,
    pub reconcile_pause: Duration,
    /// How often the provider's list is consulted.
    pub reconcile_tries: u32,
    /// How long after the call was begun a list that does not show its post proves that it is not out.
    pub proven_after: Duration,
    /// How long a list that cannot be read is waited for: of a person, and of a company, whose job may take a day.
    pub unreadable_person: Duration,
    pub unreadable_company: Duration,
    /// How long members may take to confirm.
    pub confirm_within: Duration,
    pub(in crate::publish) guards: Guards,
}

impl Policy {
    /// From the settings, with every guard on.
    pub fn of(settings: &PublishSettings) -> Self {
        Self {
            max_lateness: settings.max_lateness,
            max_wait: settings.max_wait,
            max_attempts: MAX_ATTEMPTS,
            time_to_send: settings.provider_timeout + TIME_TO_WRITE,
            retry_pause: settings.retry_pause,
            job_pause: settings.job_pause,
            member_pause: settings.member_pause,
            reconcile_pause: settings.reconcile_pause,
            reconcile_tries: RECONCILE_TRIES,
            proven_after: PROVEN_AFTER,
            unreadable_person: UNREADABLE_PERSON,
            unreadable_company: JOB_LIFETIME,
            confirm_within: settings.confirm_within,
            guards: Guards::ALL,
        }
    }

    /// Whether what was planned for then is not published any more at `now`.
    pub fn is_missed(&self, planned_at: Option<Timestamp>, now: Timestamp) -> bool {
        planned_at.is_some_and(|planned| now > after(planned, self.max_lateness))
    }

    /// Whether what was asked for then, without a time, is not published any more at `now`.
    pub fn is_stale(&self, asked_at: Timestamp, now: Timestamp) -> bool {
        now > after(asked_at, self.max_wait)
    }

    /// The pause after the `attempts`-th attempt that may succeed later.
    pub(super) fn retry_after(&self, attempts: u32) -> Duration {
        growing(self.retry_pause, MAX_DELAY, attempts)
    }
}

/// The pause after the `attempts`-th attempt, counted from 1: `first`, then twice as long each time up to `longest`.
pub(super) fn growing(first: Duration, longest: Duration, attempts: u32) -> Duration {
    Backoff::new(first, longest).pause(attempts.saturating_sub(1))
}

/// A rule without which a post goes out twice, is lost, or is told wrongly. The model check takes each away and must
/// find what goes wrong then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Whoever cannot ask at the members' deadline waits, and does not conclude that they failed.
    LastLook,
    /// A post is told only together with the claim that no other delivery has it.
    OneClaim,
    /// Only accounts about which nothing final is told are published to.
    OpenSenders,
    /// An unconfirmed account is tried again only on request, and then its provider is read first.
    UnconfirmedApart,
    /// A list that cannot be read does not say that the post is not out.
    UnreadIsNotAbsent,
    /// A list that nothing shows to be seeing does not say so either, unless its user takes the risk.
    BlindIsNotAbsent,
    /// A list that may be late does not say so before it has had the time to show the post.
    LateIsNotAbsent,
    /// The id that the provider answers is written on the delivery before anything else.
    IdFirst,
    /// A delivery found in SENDING is never sent.
    SentOnce,
}

/// The guards. Outside tests there is one value of it, and asking it costs nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guards {
    #[cfg(test)]
    off: Option<Guard>,
}

impl Guards {
    pub const ALL: Self = Self {
        #[cfg(test)]
        off: None,
    };

    #[cfg(test)]
    pub const fn without(guard: Guard) -> Self {
        Self { off: Some(guard) }
    }

    /// Whether the rule holds.
    #[cfg(not(test))]
    pub const fn hold(self, _: Guard) -> bool {
        true
    }

    /// Whether the rule holds.
    #[cfg(test)]
    pub fn hold(self, guard: Guard) -> bool {
        self.off != Some(guard)
    }
}
