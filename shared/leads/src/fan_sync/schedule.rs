//! When an account is synced by itself. Pure.
//!
//! Each account has its own time within the interval, by a hash of its id: thousands that were authorised on one morning
//! are spread over the day, and each is synced at about the same time every day. An account that brought nobody new is
//! synced every second day and then every fourth, and daily again once somebody came.

use std::time::Duration;

use jiff::Timestamp;
use kernel::due::stable_hash;
use kernel::instant::{after, whole_second};

use crate::config::AutoSync;
use crate::ids::OpenId;
use crate::store::account::{AfterSync, SyncOutcome, SyncSchedule};
use crate::store::sync_task::{Ending, SyncTask};

/// The most intervals between two syncs.
const SLOWEST: u32 = 4;

/// When the account is synced next: at its own time, `pace` intervals from `now`, give or take half of one.
pub(super) fn next_due(account: &OpenId, pace: u32, now: Timestamp, auto: AutoSync) -> Timestamp {
    let interval = auto.interval.max(Duration::from_secs(1));
    let seconds = interval.as_secs();
    let own_time = i64::try_from(stable_hash(account.as_str()) % seconds).unwrap_or_default();
    let earliest = whole_second(after(now, (interval * pace).saturating_sub(interval / 2)));
    let wait = (own_time - earliest.as_second()).rem_euclid(i64::try_from(seconds).unwrap_or(i64::MAX));
    after(earliest, Duration::from_secs(wait.unsigned_abs()))
}

/// What the end of `task` changes. `schedule` is that of its account when it was taken up, unless it never was.
pub(super) fn after_sync(
    task: &SyncTask,
    ending: &Ending,
    schedule: Option<&SyncSchedule>,
    now: Timestamp,
    auto: AutoSync,
) -> AfterSync {
    let outcome = match ending {
        Ending::Completed => {
            let before = schedule.and_then(|schedule| schedule.sync_pace).unwrap_or(1);
            let pace = if task.counters.created > 0 { 1 } else { (before * 2).min(SLOWEST) };
            let short_before = schedule.and_then(|schedule| schedule.short_syncs).unwrap_or_default();
            let short_syncs = if task.walk.left_early { short_before + 1 } else { 0 };
            SyncOutcome::Completed { at: now, pace, short_syncs }
        }
        Ending::Failed(advice) => SyncOutcome::Failed { at: now, reason: advice.sentence(), blocked: None },
        Ending::Blocked(advice, strategy) => {
            SyncOutcome::Failed { at: now, reason: advice.sentence(), blocked: Some(*strategy) }
        }
        Ending::Cancelled => SyncOutcome::Cancelled,
    };
    let pace = match &outcome {
        SyncOutcome::Completed { pace, .. } => *pace,
        // It is not known whether anybody new is there.
        SyncOutcome::Failed { .. } | SyncOutcome::Cancelled => 1,
    };
    AfterSync { due: next_due(&task.account_open_id, pace, now, auto), outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const DAILY: AutoSync = AutoSync { interval: Duration::from_secs(86_400), is_on: true };
    const NOW: i64 = 1_795_000_000;

    fn due(account: &OpenId, pace: u32, now: i64) -> i64 {
        next_due(account, pace, Timestamp::from_second(now).unwrap(), DAILY).as_second()
    }

    fn account(number: u32) -> OpenId {
        format!("account-{number}").parse().unwrap()
    }

    #[test]
    fn account_is_synced_at_its_own_time_of_the_day_whenever_the_last_sync_ended() {
        for pace in [1, 2, 4] {
            let times: Vec<i64> = (0..50).map(|hours| due(&account(7), pace, NOW + hours * 3_600)).collect();
            assert!(times.iter().all(|time| time.rem_euclid(DAY) == times[0].rem_euclid(DAY)), "{times:?}");
            for (hours, time) in (0..).zip(&times) {
                let days = (time - NOW - hours * 3_600) as f64 / DAY as f64;
                assert!((days - f64::from(pace)).abs() <= 0.5, "{pace}: {days}");
            }
        }
    }

    #[test]
    fn accounts_are_spread_over_the_day() {
        let mut hours = [0; 24];
        for number in 0..2_400 {
            hours[usize::try_from(due(&account(number), 1, NOW).rem_euclid(DAY) / 3_600).unwrap()] += 1;
        }
        assert!(hours.iter().all(|accounts| (60..140).contains(accounts)), "{hours:?}");
    }
}
