//! How fast a personal account may publish. WeChat limits and bans accounts that post like machines, and the vendor of the
//! gateway advises at most five posts a day, an hour apart, and none on a device of the first days.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use kernel::crypto::sha256_hex;

use crate::store::account::Account;
use crate::store::delivery::WaitReason;
use crate::time::{after, beijing_day, beijing_second, day_begins};

/// The interval is up to so much shorter or longer: posts exactly an hour apart are a machine's.
const SPREAD: Duration = Duration::from_secs(600);
/// But never shorter than this for that reason.
const LEAST_WITH_SPREAD: Duration = Duration::from_secs(3_000);

/// How fast personal accounts may publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Posts of one account on one day in China.
    pub posts_per_day: u32,
    /// Between two posts of one account, but for the spread.
    pub interval: Duration,
    /// The hours of the day in China at which posts may go out.
    pub hours: Range<u32>,
    /// How long a device that was just connected publishes nothing.
    pub rest: Duration,
}

/// What the user of a task has it published in spite of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exempt {
    /// Whether the account's posts of the day are used up.
    pub from_daily_cap: bool,
    pub from_quiet_hours: bool,
}

/// Until when an account does not publish, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceWait {
    /// When it may.
    pub until: Timestamp,
    /// Why not before.
    pub reason: WaitReason,
}

impl Pace {
    /// What keeps `account` from publishing for `turn` at `now`: of several reasons the one that lasts longest. Whoever
    /// had the turn before goes on with it: what was refused is no post.
    pub fn wait(&self, account: &Account, publish_slot: &str, exempt: Exempt, now: Timestamp) -> Option<PaceWait> {
        let is_own_slot = account.publish_slot.as_deref() == Some(publish_slot);
        let rested = after(account.device_since, self.rest);
        let mut waits = vec![
            PaceWait { until: account.blocked_until, reason: WaitReason::RateLimit },
            PaceWait { until: rested, reason: WaitReason::NewDevice },
        ];
        if !is_own_slot {
            let interval = self.interval_after(account);
            waits.push(PaceWait { until: after(account.last_post_at, interval), reason: WaitReason::Slot });
        }
        if !is_own_slot && !exempt.from_daily_cap && self.is_used_up(account, now) {
            waits.push(PaceWait { until: self.opening_after(now), reason: WaitReason::DailyCap });
        }
        if !exempt.from_quiet_hours && !self.is_open(now) {
            waits.push(PaceWait { until: self.next_opening(now), reason: WaitReason::QuietHours });
        }
        waits.into_iter().filter(|wait| wait.until > now).max_by_key(|wait| wait.until)
    }

    /// Whether posts may go out at this instant.
    pub fn is_open(&self, time: Timestamp) -> bool {
        self.hours.contains(&(beijing_second(time) / 3_600))
    }

    /// What is to be told of a time at which no post may go out.
    pub(crate) fn quiet_problem(&self, time: Timestamp) -> Option<String> {
        let Range { start, end } = self.hours;
        (!self.is_open(time)).then(|| format!("个人号只在北京时间 {start} 点至 {end} 点之间发布"))
    }

    /// Whether the account has published all it may on the day of this instant, as far as is known.
    pub fn is_used_up(&self, account: &Account, time: Timestamp) -> bool {
        account.post_day == beijing_day(time) && account.posts >= self.posts_per_day
    }

    /// When the device of the account has rested, if it has not by then.
    pub fn rests_until(&self, account: &Account, time: Timestamp) -> Option<Timestamp> {
        Some(after(account.device_since, self.rest)).filter(|end| *end > time)
    }

    fn next_opening(&self, now: Timestamp) -> Timestamp {
        let is_before = beijing_second(now) / 3_600 < self.hours.start;
        if is_before { self.opening_of(beijing_day(now)) } else { self.opening_after(now) }
    }

    fn opening_after(&self, now: Timestamp) -> Timestamp {
        self.opening_of(beijing_day(now) + 1)
    }

    fn opening_of(&self, day: i64) -> Timestamp {
        after(day_begins(day), Duration::from_secs(3_600 * u64::from(self.hours.start)))
    }

    /// Drawn from the turn, so that it is the same for whoever asks.
    fn interval_after(&self, account: &Account) -> Duration {
        let drawn = sha256_hex(account.publish_slot.as_deref().unwrap_or_default().as_bytes());
        let drawn = drawn.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default();
        let spread = SPREAD.min(self.interval.saturating_sub(LEAST_WITH_SPREAD));
        self.interval - spread + (spread * 2).mul_f64(f64::from(drawn) / f64::from(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pace() -> Pace {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        Pace { posts_per_day: 5, interval: hours(1), hours: 8..22, rest: hours(72) }
    }

    fn account(fields: serde_json::Value) -> Account {
        let mut row = json!({
            "account_id": "wx1", "user_id": 1, "account_type": "PERSONAL", "account_name": "名", "status": "ACTIVE",
            "auth_data": "", "create_time": 0,
        });
        for (name, value) in fields.as_object().unwrap() {
            row[name] = value.clone();
        }
        serde_json::from_value(row).unwrap()
    }

    fn at(time: &str) -> Timestamp {
        format!("{time}+08:00").parse().unwrap()
    }

    /// Until when, in Beijing, and why.
    fn wait(fields: serde_json::Value, exempt: Exempt, now: &str) -> Option<(Timestamp, WaitReason)> {
        pace().wait(&account(fields), "9/wx1#0", exempt, at(now)).map(|wait| (wait.until, wait.reason))
    }

    const NONE: Exempt = Exempt { from_daily_cap: false, from_quiet_hours: false };

    #[test]
    fn posts_go_out_by_day_only_unless_their_user_says_otherwise() {
        for (now, until) in [
            ("2026-11-20T07:59:59", Some("2026-11-20T08:00:00")),
            ("2026-11-20T08:00:00", None),
            ("2026-11-20T21:59:59", None),
            ("2026-11-20T22:00:00", Some("2026-11-21T08:00:00")),
            ("2026-11-20T23:59:59", Some("2026-11-21T08:00:00")),
            ("2026-11-21T00:00:00", Some("2026-11-21T08:00:00")),
        ] {
            let expected = until.map(|until| (at(until), WaitReason::QuietHours));
            assert_eq!(wait(json!({}), NONE, now), expected, "{now}");
            let exempt = Exempt { from_quiet_hours: true, ..NONE };
            assert_eq!(wait(json!({}), exempt, now), None, "{now}");
        }
        let always = Pace { hours: 0..24, ..pace() };
        assert!(always.is_open(at("2026-11-20T00:00:00")) && always.is_open(at("2026-11-20T23:59:59")));
    }

    #[test]
    fn an_account_publishes_five_times_a_day_unless_its_user_says_otherwise() {
        let day = beijing_day(at("2026-11-20T12:00:00"));
        for (post_day, posts, waits) in [(day, 4, false), (day, 5, true), (day - 1, 5, false)] {
            let row = json!({"post_day": post_day, "posts": posts});
            let expected = waits.then(|| (at("2026-11-21T08:00:00"), WaitReason::DailyCap));
            assert_eq!(wait(row.clone(), NONE, "2026-11-20T12:00:00"), expected, "{post_day} {posts}");
            assert_eq!(wait(row, Exempt { from_daily_cap: true, ..NONE }, "2026-11-20T12:00:00"), None);
        }
        // Whoever had the turn goes on with it.
        let own = json!({"post_day": day, "posts": 5, "publish_slot": "9/wx1#0"});
        assert_eq!(wait(own, NONE, "2026-11-20T12:00:00"), None);
    }

    #[test]
    fn posts_of_an_account_are_an_hour_apart_and_never_exactly() {
        let last = at("2026-11-20T12:00:00");
        let mut intervals = std::collections::BTreeSet::new();
        for number in 10..210 {
            let row = json!({"publish_slot": format!("{number}/wx1#0"), "last_post_at": last.as_millisecond()});
            let (until, reason) = wait(row, NONE, "2026-11-20T12:00:00").unwrap();
            assert_eq!(reason, WaitReason::Slot);
            let minutes = until.duration_since(last).as_secs_f64() / 60.0;
            assert!((50.0..=70.0).contains(&minutes), "{minutes}");
            intervals.insert(until);
        }
        assert!(intervals.len() > 100);
        let own = json!({"publish_slot": "9/wx1#0", "last_post_at": last.as_millisecond()});
        assert_eq!(wait(own, NONE, "2026-11-20T12:00:00"), None);
        // Whoever has set a short one means it.
        let short = Pace { interval: Duration::from_secs(600), ..pace() };
        let row = account(json!({"publish_slot": "8/wx1#0", "last_post_at": last.as_millisecond()}));
        assert_eq!(short.wait(&row, "9/wx1#0", NONE, last).unwrap().until, after(last, short.interval));
    }

    #[test]
    fn a_new_device_rests_and_a_limited_account_waits_whatever_their_user_says() {
        let since = at("2026-11-18T12:00:00").as_second();
        let exempt = Exempt { from_daily_cap: true, from_quiet_hours: true };
        let rest = wait(json!({"device_since": since}), exempt, "2026-11-20T12:00:00");
        assert_eq!(rest, Some((at("2026-11-21T12:00:00"), WaitReason::NewDevice)));
        let until = at("2026-11-20T13:00:00");
        let limited = json!({"blocked_until": until.as_millisecond()});
        let limited = wait(limited, exempt, "2026-11-20T12:00:00");
        assert_eq!(limited, Some((until, WaitReason::RateLimit)));
    }
}
