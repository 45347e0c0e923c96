//! The sandbox's own time. It starts at the real now and can be moved forward or frozen, so that fifteen days of a
//! token's life pass between two lines of a test. Only the platforms' calendar follows it (lifetimes, quotas, rate
//! windows, timestamps); what makes a caller wait (latency, hanging answers) runs on real time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A shared virtual clock; clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ahead: SignedDuration,
    frozen_at: Option<Timestamp>,
    leader: Option<Box<dyn Fn() -> Timestamp + Send>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("ahead", &self.ahead).field("frozen_at", &self.frozen_at).finish_non_exhaustive()
    }
}

impl Clock {
    /// A clock that shows the real time and runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// Moves the time forward, whether the clock is frozen or running. Never backwards: no platform does that.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut state = self.lock();
        state.ahead = state.ahead.saturating_add(by);
        // `later` keeps the frozen instant within what a timestamp can hold.
        let shown = state.now();
        state.frozen_at = state.frozen_at.map(|_| later(shown, by));
    }

    /// Stops the time where it is; `advance` still moves it.
    pub fn freeze(&self) {
        let mut state = self.lock();
        let now = state.now();
        state.frozen_at.get_or_insert(now);
    }

    /// Has a frozen clock keep up with another one: it never shows an earlier time.
    pub fn follow(&self, leader: impl Fn() -> Timestamp + Send + 'static) {
        self.lock().leader = Some(Box::new(leader));
    }

    /// Lets a frozen clock run on from the instant it shows.
    pub fn resume(&self) {
        let mut state = self.lock();
        let at = state.now();
        if state.frozen_at.take().is_some() {
            state.ahead = at.duration_since(Timestamp::now());
        }
    }

    /// Whether the clock stands still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.lock().frozen_at.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&self) -> Timestamp {
        let Some(at) = self.frozen_at else { return later(Timestamp::now(), self.ahead) };
        self.leader.as_ref().map_or(at, |leader| at.max(leader()))
    }
}

/// `at + by`, at most the last instant a timestamp can hold.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandbox_clock_that_is_frozen_moves_only_by_command() {
        let clock = Clock::new();
        clock.freeze();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(15 * 86_400));
        assert_eq!(clock.now().duration_since(start), SignedDuration::from_hours(15 * 24));
        assert!(clock.is_frozen());
    }

    #[test]
    fn sandbox_clock_that_is_resumed_goes_on_from_where_it_stood() {
        let clock = Clock::new();
        clock.freeze();
        clock.advance(Duration::from_secs(3600));
        let stood = clock.now();
        clock.resume();
        let gone = clock.now().duration_since(stood);
        assert!(gone >= SignedDuration::ZERO && gone < SignedDuration::from_secs(60), "{gone:?}");
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX, "an absurd advance saturates instead of wrapping");
    }
}
