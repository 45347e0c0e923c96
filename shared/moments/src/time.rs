//! Days in China, by which accounts are limited.

use jiff::Timestamp;
pub(crate) use kernel::instant::{after, before, between, whole_second};

/// China's offset, in seconds: it knows no summer time.
const BEIJING: i64 = 8 * 3_600;
const DAY: i64 = 86_400;

/// The day in China that the instant is in, counted from 1970.
pub(crate) fn beijing_day(time: Timestamp) -> i64 {
    (time.as_second() + BEIJING).div_euclid(DAY)
}

/// When a day in China begins, as [`beijing_day`] counts them.
pub(crate) fn day_begins(day: i64) -> Timestamp {
    Timestamp::from_second(day.saturating_mul(DAY).saturating_sub(BEIJING)).unwrap_or(Timestamp::MAX)
}

/// When the day after the instant's begins in China.
pub(crate) fn next_beijing_day(time: Timestamp) -> Timestamp {
    day_begins(beijing_day(time) + 1)
}

/// The second of the day in China that the instant is in.
pub(crate) fn beijing_second(time: Timestamp) -> u32 {
    u32::try_from((time.as_second() + BEIJING).rem_euclid(DAY)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_in_china() {
        let day = |time: &str| beijing_day(time.parse().unwrap());
        assert_eq!(day("2026-11-20T15:59:59.9Z") + 1, day("2026-11-20T16:00:00Z"));
        let next = next_beijing_day("2026-11-20T15:59:59.9Z".parse().unwrap());
        assert_eq!(next.to_string(), "2026-11-20T16:00:00Z");
        assert_eq!(next_beijing_day(next).to_string(), "2026-11-21T16:00:00Z");
    }
}
