//! When a delivery that failed is tried again, and when it is given up.

use std::time::Duration;

use jiff::Timestamp;
use kernel::instant::after;
use kernel::retry::Backoff;

/// The pauses between attempts, of which the second half is random: receivers that came back together are not all asked
/// together. After two hours they no longer grow, so that a receiver that was repaired is not left waiting for the rest of the day.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(7_200));

/// How long after its first attempt a delivery is still tried.
pub const TRIED_FOR: Duration = Duration::from_secs(86_400);

/// When a delivery is tried again of which `failed` attempts have failed by `now`, the first of them at `first`. Nothing when
/// that would be too late: then it has failed for good.
#[must_use]
pub fn next_attempt(first: Timestamp, failed: u32, now: Timestamp) -> Option<Timestamp> {
    let next = after(now, PAUSES.jittered(failed.saturating_sub(1)));
    (next <= after(first, TRIED_FOR)).then_some(next)
}

#[cfg(test)]
mod tests {
    use kernel::instant::between;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn attempts_that_all_fail_become_rarer_and_end_within_a_day() {
        let (first, mut now, mut pauses) = (noon(), noon(), Vec::new());
        while let Some(next) = next_attempt(first, u32::try_from(pauses.len()).unwrap() + 1, now) {
            pauses.push(between(now, next));
            now = next;
        }
        // Doubling for eleven steps brings 5 seconds beyond two hours; each pause is between its half and itself.
        for (step, pause) in pauses.iter().enumerate() {
            let full = Duration::from_secs(7_200.min(5 << step.min(11)));
            assert!((full / 2..=full).contains(pause), "pause {step} is {pause:?}");
        }
        assert!((20..=40).contains(&pauses.len()), "{} attempts", pauses.len());
        // The next one would have come after the day, so less than one longest pause of it is left.
        let tried = between(first, now);
        assert!(tried <= TRIED_FOR && tried + Duration::from_secs(7_200) > TRIED_FOR, "{tried:?}");
    }

    #[test]
    fn attempt_that_would_come_after_the_day_is_not_made() {
        let last = after(noon(), TRIED_FOR);
        assert_eq!(next_attempt(noon(), 1, last), None);
        assert!(next_attempt(noon(), 1, kernel::instant::before(last, Duration::from_secs(5))).is_some());
    }
}
