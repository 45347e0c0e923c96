//! Arithmetic with instants that cannot overflow: what would be beyond the end of time is the end of time.
//!
//! Rows keep instants as numbers, in seconds or milliseconds since 1970. They become [`Timestamp`]s where a row is read
//! (`jiff::fmt::serde::timestamp`) and numbers again where it is written ([`crate::dynamo::seconds`],
//! [`crate::dynamo::milliseconds`]).

use std::time::Duration;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// The offset of China's time, in which users read dates. It is fixed: China knows no summer time.
pub const CHINA: Offset = Offset::constant(8);

/// The instant that much later.
#[must_use]
pub fn after(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_add(signed(by)).unwrap_or(Timestamp::MAX)
}

/// The instant that much earlier.
#[must_use]
pub fn before(time: Timestamp, by: Duration) -> Timestamp {
    time.saturating_sub(signed(by)).unwrap_or(Timestamp::MIN)
}

/// How long it is from one instant to a later one; nothing when the other is not later.
#[must_use]
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// The second that the instant is in, as tables keep it.
#[must_use]
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The millisecond that the instant is in, as tables keep it.
#[must_use]
pub fn whole_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
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
        assert_eq!(between(before(time, Duration::from_secs(9)), time), Duration::from_secs(9));
        assert_eq!(between(time, before(time, Duration::from_secs(9))), Duration::ZERO);
    }
}
