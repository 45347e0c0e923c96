//! How often a route may be asked: a token bucket for each, as the stage's settings say.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Size of the bucket, and how many requests a second it is filled by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    pub(super) burst: f64,
    pub(super) rate: f64,
}

/// The buckets of all routes.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: Limit,
    /// For each route how much is in its bucket, and since when that is so.
    buckets: Mutex<Vec<(f64, Instant)>>,
}

impl Throttle {
    pub(super) fn new(limit: Limit, routes: usize, now: Instant) -> Self {
        Self { limit, buckets: Mutex::new(vec![(limit.burst, now); routes]) }
    }

    /// Whether a request to a route, by its place in the list, is let through.
    pub(super) fn admits(&self, route: usize, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((level, since)) = buckets.get_mut(route) else { return true };
        let passed = now.saturating_duration_since(*since);
        (*level, *since) = (passed.as_secs_f64().mul_add(self.limit.rate, *level).min(self.limit.burst), now);
        let is_admitted = *level >= 1.0;
        if is_admitted {
            *level -= 1.0;
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn throttle_admits_the_burst_and_then_the_rate_route_by_route() {
        let start = Instant::now();
        let throttle = Throttle::new(Limit { burst: 3.0, rate: 2.0 }, 2, start);
        let admitted = |route: usize, at: u64| {
            (0..10).filter(|_| throttle.admits(route, start + Duration::from_millis(at))).count()
        };
        assert_eq!((admitted(0, 0), admitted(0, 0), admitted(1, 0)), (3, 0, 3));
        assert_eq!((admitted(0, 500), admitted(0, 1_500), admitted(0, 60_000)), (1, 2, 3));
    }
}
