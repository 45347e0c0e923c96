//! Daily quotas and call rates, per scope and app. Both count what was let through; a refused call costs nothing.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::error::Problem;
use super::settings::{RateLimit, Settings};

const SECONDS_PER_DAY: i64 = 86_400;

#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    counters: HashMap<(String, &'static str), Counter>,
}

#[derive(Clone, Debug, Default)]
struct Counter {
    day: i64,
    used: u32,
    recent: VecDeque<Timestamp>,
}

impl Limits {
    pub(crate) fn admit(
        &mut self,
        settings: &Settings,
        client_key: &str,
        scope: &'static str,
        now: Timestamp,
    ) -> Result<(), Problem> {
        if settings.quota_per_day.is_none() && settings.rate_limit.is_none() {
            return Ok(());
        }
        let counter = self.counters.entry((client_key.to_owned(), scope)).or_default();
        // Days begin at 00:00 UTC, which is 08:00 in Beijing.
        let today = now.as_second().div_euclid(SECONDS_PER_DAY);
        if counter.day != today {
            (counter.day, counter.used) = (today, 0);
        }
        if settings.quota_per_day.is_some_and(|quota| counter.used >= quota) {
            return Err(Problem::QuotaUsed);
        }
        if settings.rate_limit.is_some_and(|limit| counter.is_full(limit, now)) {
            return Err(Problem::TooFast);
        }
        counter.used += 1;
        if settings.rate_limit.is_some() {
            counter.recent.push_back(now);
        }
        Ok(())
    }
}

impl Counter {
    fn is_full(&mut self, limit: RateLimit, now: Timestamp) -> bool {
        let window = SignedDuration::from_millis(limit.window_milliseconds.into());
        while self.recent.front().is_some_and(|call| now.duration_since(*call) >= window) {
            self.recent.pop_front();
        }
        self.recent.len() >= usize::try_from(limit.calls).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn douyin_quota_resets_at_eight_in_beijing() {
        let settings = Settings { quota_per_day: Some(2), ..Settings::default() };
        let mut limits = Limits::default();
        let mut call = |key: &str, when: &str| limits.admit(&settings, key, "fans.list", at(when));
        assert_eq!(call("k", "2026-01-05T07:59:58+08:00"), Ok(()));
        assert_eq!(call("k", "2026-01-05T07:59:59+08:00"), Ok(()));
        assert_eq!(call("k", "2026-01-05T07:59:59.9+08:00"), Err(Problem::QuotaUsed));
        assert_eq!(call("other", "2026-01-05T07:59:59.9+08:00"), Ok(()));
        assert_eq!(call("k", "2026-01-05T08:00:00+08:00"), Ok(()));
    }

    #[test]
    fn douyin_rate_window_slides() {
        let settings =
            Settings { rate_limit: Some(RateLimit { calls: 2, window_milliseconds: 1000 }), ..Settings::default() };
        let mut limits = Limits::default();
        let mut call = |when: &str| limits.admit(&settings, "k", "fans.list", at(when));
        assert_eq!(call("2026-01-05T00:00:00Z"), Ok(()));
        assert_eq!(call("2026-01-05T00:00:00.6Z"), Ok(()));
        assert_eq!(call("2026-01-05T00:00:00.9Z"), Err(Problem::TooFast));
        assert_eq!(call("2026-01-05T00:00:01Z"), Ok(()));
        assert_eq!(call("2026-01-05T00:00:01.5Z"), Err(Problem::TooFast));
        assert_eq!(call("2026-01-05T00:00:01.6Z"), Ok(()));
    }
}
