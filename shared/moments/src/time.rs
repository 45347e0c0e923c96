//! Arithmetic with instants that cannot overflow: what would be beyond the end of time is the end of time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The instant that much later.
pub(crate) fn after(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(signed(by)).unwrap_or(Timestamp::MAX)
}

/// The instant that much earlier.
pub(crate) fn before(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_sub(signed(by)).unwrap_or(Timestamp::MIN)
}

/// The second that the instant is in, as tables keep it.
pub(crate) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

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

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
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

    #[test]
    fn time_arithmetic_stops_at_the_ends_of_the_calendar() {
        let time: Timestamp = "2026-11-20T00:00:00.5Z".parse().unwrap();
        assert_eq!(after(time, Duration::from_millis(500)).to_string(), "2026-11-20T00:00:01Z");
        assert_eq!(before(time, Duration::from_millis(500)).to_string(), "2026-11-20T00:00:00Z");
        assert_eq!(whole_second(time).to_string(), "2026-11-20T00:00:00Z");
        assert_eq!((after(time, Duration::MAX), before(time, Duration::MAX)), (Timestamp::MAX, Timestamp::MIN));
    }
}
