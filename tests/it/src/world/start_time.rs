//! At what time of day a world begins.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Environment variable with the time of day, in UTC, at which every world begins, such as `15:58`.
const START_VARIABLE: &str = "TEST_START_OF_DAY";

/// Half past ten in China, far from every hour, day and opening time at which a quota or a pause ends.
const USUAL_START: Time = jiff::civil::time(2, 30, 0, 0);

/// Worlds begin at the same time of day in every run: a test that counts on twenty minutes within one hour would fail
/// in some runs of the day and not in others.
pub(super) fn start_of_day() -> Result<Time> {
    let Ok(given) = std::env::var(START_VARIABLE) else { return Ok(USUAL_START) };
    given.parse().with_context(|| format!("{START_VARIABLE} is no time of day: {given}"))
}

/// From `now` to the next instant that has this time of day.
pub(super) fn until_start(now: Timestamp, time: Time) -> Duration {
    let start = now.to_zoned(TimeZone::UTC).with().time(time).build();
    let ahead = start.map(|start| start.timestamp().duration_since(now)).unwrap_or_default();
    let ahead = if ahead.is_negative() { ahead + SignedDuration::from_hours(24) } else { ahead };
    ahead.try_into().unwrap_or_default()
}
