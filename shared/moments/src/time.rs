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

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_arithmetic_stops_at_the_ends_of_the_calendar() {
        let time: Timestamp = "2026-11-20T00:00:00.5Z".parse().unwrap();
        assert_eq!(after(time, Duration::from_millis(500)).to_string(), "2026-11-20T00:00:01Z");
        assert_eq!(before(time, Duration::from_millis(500)).to_string(), "2026-11-20T00:00:00Z");
        assert_eq!(whole_second(time).to_string(), "2026-11-20T00:00:00Z");
        assert_eq!((after(time, Duration::MAX), before(time, Duration::MAX)), (Timestamp::MAX, Timestamp::MIN));
    }
}
