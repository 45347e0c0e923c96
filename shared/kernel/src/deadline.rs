//! How long the current invocation may still run.

use std::time::Duration;

use jiff::Timestamp;

use crate::instant;

/// The instant at which the platform kills this invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// From the invocation context. `cargo lambda watch` reports a deadline in 1970: anything not in the future is
    /// replaced by the function's configured timeout counted from now.
    pub fn from_context(deadline_ms: u64, now: Timestamp, function_timeout: Duration) -> Self {
        let reported = i64::try_from(deadline_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        match reported {
            Some(deadline) if deadline > now => Self(deadline),
            _ => Self::after(now, function_timeout),
        }
    }

    /// `duration` from `now`.
    pub fn after(now: Timestamp, duration: Duration) -> Self {
        Self(instant::after(now, duration))
    }

    /// What is left at `now`; zero when it has passed.
    pub fn remaining(self, now: Timestamp) -> Duration {
        instant::between(now, self.0)
    }

    /// The instant at which the invocation is stopped.
    pub fn at(self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_in_the_past_is_replaced() {
        let now: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let timeout = Duration::from_secs(300);
        let in_a_minute = u64::try_from(now.as_millisecond()).unwrap() + 60_000;
        assert_eq!(Deadline::from_context(in_a_minute, now, timeout).remaining(now), Duration::from_secs(60));
        assert_eq!(Deadline::from_context(600_000, now, timeout).remaining(now), timeout);
        assert_eq!(Deadline::after(now, Duration::ZERO).remaining(now), Duration::ZERO);
    }
}
