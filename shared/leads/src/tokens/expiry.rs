//! What is left of an account that Douyin has refused: how long its encrypted tokens stay, and when they are tried again.

use std::time::Duration;

use jiff::Timestamp;
use kernel::advice::{self, Advice};
use kernel::instant::after;
use serde::{Deserialize, Serialize};

use crate::store::account::{Account, AccountStatus};

const DAY: Duration = Duration::from_secs(86_400);

/// Encrypted tokens of an EXPIRED account stay this long: long enough for an incident at Douyin to be found out and mended,
/// and no longer, because we have no business with credentials of an account that we do not serve.
const KEEP_TOKENS: Duration = Duration::from_secs(7 * 86_400);
/// The first trials, so long after the verdict. Most mistakes of Douyin's are over in minutes or hours.
const FIRST_TRIALS: [Duration; 3] =
    [Duration::from_secs(600), Duration::from_secs(3_600), Duration::from_secs(6 * 3_600)];

/// Why an account is EXPIRED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExpiryReason {
    /// Douyin said that the refresh token is dead, or that nothing of the authorisation is left.
    RefreshTokenDead,
    /// Douyin refused a token twice, which is what an incident of its own looks like, too.
    RefusedTwice,
    /// Another tenant has authorised the account, and this authorisation died of it.
    Superseded,
}

impl ExpiryReason {
    /// As the row has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenDead => "REFRESH_TOKEN_DEAD",
            Self::RefusedTwice => "REFUSED_TWICE",
            Self::Superseded => "SUPERSEDED",
        }
    }
}

/// Until when the encrypted tokens of an account stay that expires at `now`, whose refresh token ends at `refresh_end`.
pub(crate) fn kept_until(now: Timestamp, refresh_end: Timestamp) -> Timestamp {
    after(now, KEEP_TOKENS).min(refresh_end)
}

/// The trial after `trials` others of an account that expired at `expired_at`: 10 minutes, 1 hour, 6 hours, then every
/// day.
fn trial_at(expired_at: Timestamp, trials: u32) -> Timestamp {
    let place = usize::try_from(trials).unwrap_or(usize::MAX);
    let days = trials.saturating_add(1).saturating_sub(FIRST_TRIALS.len() as u32);
    after(expired_at, FIRST_TRIALS.get(place).copied().unwrap_or(DAY * days))
}

/// The next trial after `now`, and its place in the schedule. Trials whose time has passed are left out: one that comes
/// late is not made up for by several in a row.
pub(crate) fn next_trial(expired_at: Timestamp, trials: u32, now: Timestamp) -> (Timestamp, u32) {
    let later = (trials..).map(|place| (trial_at(expired_at, place), place)).find(|(at, _)| *at > now);
    later.unwrap_or((Timestamp::MAX, trials))
}

/// What the tenant is told of an account that does not work.
pub fn advice(account: &Account) -> Option<Advice> {
    match account.status {
        AccountStatus::Active => None,
        AccountStatus::Revoked => Some(advice::ACCOUNT_REVOKED),
        AccountStatus::Expired if recovers(account) => Some(advice::ACCOUNT_RECOVERS),
        AccountStatus::Expired if account.expired_reason == Some(ExpiryReason::Superseded) => {
            Some(advice::ACCOUNT_SUPERSEDED)
        }
        AccountStatus::Expired => Some(advice::ACCOUNT_EXPIRED),
    }
}

/// The account as it is once it has expired at `now`.
pub(crate) fn expired(account: &Account, reason: ExpiryReason, now: Timestamp) -> Account {
    let until = kept_until(now, account.refresh_expire_time);
    Account {
        status: AccountStatus::Expired,
        expired_at: Some(now),
        expired_reason: Some(reason),
        tokens_until: (until > now).then_some(until),
        trials: 0,
        ..account.clone()
    }
}

/// Whether it is likely that the account comes back by itself: nobody said that its tokens are dead, they are still
/// tried, and the trials of the first day are not over.
pub fn recovers(account: &Account) -> bool {
    account.status == AccountStatus::Expired
        && account.expired_reason == Some(ExpiryReason::RefusedTwice)
        && account.tokens_until.is_some()
        && usize::try_from(account.trials).is_ok_and(|trials| trials <= FIRST_TRIALS.len())
}

#[cfg(test)]
mod tests {
    use kernel::instant::between;

    use super::*;

    const EXPIRED: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn trials_come_after_ten_minutes_an_hour_six_hours_and_then_daily() {
        let at: Vec<Duration> = (0..6).map(|trials| between(EXPIRED, trial_at(EXPIRED, trials))).collect();
        assert_eq!(at, [600, 3_600, 21_600, 86_400, 2 * 86_400, 3 * 86_400].map(Duration::from_secs));
        assert_eq!(next_trial(EXPIRED, 0, EXPIRED), (after(EXPIRED, Duration::from_secs(600)), 0));
        // One that comes a day late is followed by the next one of the schedule.
        assert_eq!(next_trial(EXPIRED, 1, after(EXPIRED, DAY)), (after(EXPIRED, DAY * 2), 4));
    }

    /// An account as its row has it.
    fn account(status: &str, reason: Option<ExpiryReason>, has_tokens: bool, trials: u32) -> Account {
        serde_json::from_value(serde_json::json!({
            "id": 1, "douyin_user_id": "shop", "user_id": 1001, "status": status, "create_time": 0,
            "expire_time": 0, "refresh_expire_time": 0, "trials": trials,
            "expired_reason": reason.map(ExpiryReason::as_str), "tokens_until": has_tokens.then_some(1_800_000_000),
        }))
        .expect("a row of t_douyin_auth")
    }

    #[test]
    fn account_is_said_to_come_back_only_in_the_first_day_after_two_refusals_while_its_tokens_are_tried() {
        let (refused, dead) = (Some(ExpiryReason::RefusedTwice), Some(ExpiryReason::RefreshTokenDead));
        let superseded = Some(ExpiryReason::Superseded);
        for (account, told) in [
            (account("ACTIVE", None, false, 0), None),
            (account("ACTIVE", refused, true, 0), None),
            (account("REVOKED", refused, true, 0), Some(advice::ACCOUNT_REVOKED)),
            (account("EXPIRED", refused, true, 0), Some(advice::ACCOUNT_RECOVERS)),
            (account("EXPIRED", refused, true, 3), Some(advice::ACCOUNT_RECOVERS)),
            (account("EXPIRED", refused, true, 4), Some(advice::ACCOUNT_EXPIRED)),
            (account("EXPIRED", refused, false, 0), Some(advice::ACCOUNT_EXPIRED)),
            (account("EXPIRED", dead, true, 0), Some(advice::ACCOUNT_EXPIRED)),
            (account("EXPIRED", None, true, 0), Some(advice::ACCOUNT_EXPIRED)),
            (account("EXPIRED", superseded, true, 0), Some(advice::ACCOUNT_SUPERSEDED)),
        ] {
            assert_eq!(super::advice(&account), told, "{account:?}");
            assert_eq!(recovers(&account), told == Some(advice::ACCOUNT_RECOVERS), "{account:?}");
        }
    }

    #[test]
    fn reason_of_an_expiry_is_stored_as_it_is_read() {
        for reason in [ExpiryReason::RefreshTokenDead, ExpiryReason::RefusedTwice, ExpiryReason::Superseded] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn tokens_stay_a_week_and_never_past_their_end() {
        let later = |days| after(EXPIRED, DAY * days);
        assert_eq!(kept_until(EXPIRED, later(30)), later(7));
        assert_eq!(kept_until(EXPIRED, later(1)), later(1));
        let over = Timestamp::UNIX_EPOCH;
        assert_eq!(kept_until(EXPIRED, over), over, "nothing to keep");
    }
}
