//! Call rates and the blocks that follow when one is exceeded.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::endpoint::WecomEndpoint;
use super::settings::WecomLimits;
use crate::clock::later;

pub(crate) const TOO_OFTEN: i64 = 45_009;
pub(crate) const TOO_MANY_AT_ONCE: i64 = 45_033;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Days begin at midnight in Beijing.
const BEIJING_SECONDS: i64 = 8 * 3600;
const DAY_SECONDS: i64 = 86_400;

#[derive(Clone, Debug, Default)]
pub(crate) struct Limiter {
    counters: HashMap<(String, WecomEndpoint), Counter>,
    bad_secrets: Counter,
}

#[derive(Clone, Debug, Default)]
struct Counter {
    /// What was let through in the last hour.
    recent: VecDeque<Timestamp>,
    day: i64,
    today: u32,
    blocked_until: Option<Timestamp>,
    under_way: u32,
}

impl Limiter {
    /// A call has arrived and is not answered yet.
    pub(crate) fn enter(&mut self, corp: &str, endpoint: WecomEndpoint) {
        self.counters.entry((corp.to_owned(), endpoint)).or_default().under_way += 1;
    }

    pub(crate) fn leave(&mut self, corp: &str, endpoint: WecomEndpoint) {
        if let Some(counter) = self.counters.get_mut(&(corp.to_owned(), endpoint)) {
            counter.under_way = counter.under_way.saturating_sub(1);
        }
    }

    pub(crate) fn admit(
        &mut self,
        limits: &WecomLimits,
        corp: &str,
        endpoint: WecomEndpoint,
        now: Timestamp,
    ) -> Result<(), i64> {
        let counter = self.counters.entry((corp.to_owned(), endpoint)).or_default();
        let own = limits.moment_tasks_per_minute.filter(|_| endpoint == WecomEndpoint::AddMomentTask);
        let per_minute = [limits.per_minute, own].into_iter().flatten().min();
        counter.admit(per_minute, limits.per_hour, limits.per_day, now)?;
        if limits.concurrent.is_some_and(|most| counter.under_way > most) {
            return Err(TOO_MANY_AT_ONCE);
        }
        Ok(())
    }

    /// Whether wrong secrets have blocked the sender of this one.
    pub(crate) fn blocks_secrets(&self, now: Timestamp) -> bool {
        self.bad_secrets.blocked_until.is_some_and(|until| now < until)
    }

    pub(crate) fn bad_secret(&mut self, limits: &WecomLimits, now: Timestamp) {
        // The refusal itself is what blocks; the call that caused it still learns what was wrong with it.
        let _blocks_the_next = self.bad_secrets.admit(None, limits.bad_secrets_per_hour, None, now);
    }
}

impl Counter {
    fn admit(
        &mut self,
        per_minute: Option<u32>,
        per_hour: Option<u32>,
        per_day: Option<u32>,
        now: Timestamp,
    ) -> Result<(), i64> {
        if per_minute.is_none() && per_hour.is_none() && per_day.is_none() {
            return Ok(());
        }
        if self.blocked_until.is_some_and(|until| now < until) {
            return Err(TOO_OFTEN);
        }
        let today = (now.as_second() + BEIJING_SECONDS).div_euclid(DAY_SECONDS);
        if self.day != today {
            (self.day, self.today) = (today, 0);
        }
        while self.recent.front().is_some_and(|call| now.duration_since(*call) >= HOUR) {
            self.recent.pop_front();
        }
        let within = |window: SignedDuration| {
            let old = self.recent.partition_point(|call| now.duration_since(*call) >= window);
            self.recent.len() - old
        };
        let is_full = |limit: Option<u32>, used: usize| limit.is_some_and(|limit| used >= limit as usize);
        let midnight = (today + 1) * DAY_SECONDS - BEIJING_SECONDS;
        let until = if is_full(per_day, self.today as usize) {
            Timestamp::from_second(midnight).unwrap_or(Timestamp::MAX)
        } else if is_full(per_hour, self.recent.len()) {
            later(now, HOUR)
        } else if is_full(per_minute, within(MINUTE)) {
            later(now, MINUTE)
        } else {
            self.today += 1;
            self.recent.push_back(now);
            return Ok(());
        };
        self.blocked_until = Some(until);
        Err(TOO_OFTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn wecom_limit_of_a_minute_blocks_for_a_minute() {
        let limits = WecomLimits { moment_tasks_per_minute: Some(2), ..WecomLimits::NONE };
        let mut limiter = Limiter::default();
        let mut call =
            |corp: &str, when: &str| limiter.admit(&limits, corp, WecomEndpoint::AddMomentTask, at(when)).is_ok();
        assert!(call("a", "2026-01-05T00:00:00Z"));
        assert!(call("a", "2026-01-05T00:00:50Z"));
        assert!(!call("a", "2026-01-05T00:00:59Z"), "the window slides");
        assert!(call("b", "2026-01-05T00:00:59Z"), "per corp");
        assert!(!call("a", "2026-01-05T00:01:58Z"), "blocked although the window has room");
        assert!(call("a", "2026-01-05T00:01:59Z"));
        let other = limiter.admit(&limits, "a", WecomEndpoint::GetMomentTask, at("2026-01-05T00:00:59Z"));
        assert_eq!(other, Ok(()), "of creations only");
    }

    #[test]
    fn wecom_limit_of_an_hour_blocks_an_hour_and_of_a_day_until_midnight() {
        let hourly = WecomLimits { per_hour: Some(1), ..WecomLimits::NONE };
        let daily = WecomLimits { per_day: Some(1), ..WecomLimits::NONE };
        for (limits, refused, still, free) in [
            (hourly, "2026-01-05T07:30:00+08:00", "2026-01-05T08:29:59+08:00", "2026-01-05T08:30:00+08:00"),
            (daily, "2026-01-05T07:30:00+08:00", "2026-01-05T23:59:59+08:00", "2026-01-06T00:00:00+08:00"),
        ] {
            let mut limiter = Limiter::default();
            let mut call = |when: &str| limiter.admit(&limits, "a", WecomEndpoint::UserGet, at(when));
            assert_eq!(call("2026-01-05T07:00:00+08:00"), Ok(()));
            assert_eq!([refused, still, free].map(&mut call), [Err(TOO_OFTEN), Err(TOO_OFTEN), Ok(())]);
        }
    }

    #[test]
    fn wecom_limit_counts_concurrent_calls() {
        let limits = WecomLimits { concurrent: Some(1), ..WecomLimits::NONE };
        let mut limiter = Limiter::default();
        let now = at("2026-01-05T00:00:00Z");
        limiter.enter("a", WecomEndpoint::UserGet);
        assert_eq!(limiter.admit(&limits, "a", WecomEndpoint::UserGet, now), Ok(()));
        limiter.enter("a", WecomEndpoint::UserGet);
        assert_eq!(limiter.admit(&limits, "a", WecomEndpoint::UserGet, now), Err(TOO_MANY_AT_ONCE));
        limiter.leave("a", WecomEndpoint::UserGet);
        assert_eq!(limiter.admit(&limits, "a", WecomEndpoint::UserGet, now), Ok(()));
    }
}
