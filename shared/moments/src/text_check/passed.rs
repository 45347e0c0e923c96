//! The texts that have passed the service lately, by their digests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use kernel::Clock;
use kernel::crypto::sha256_hex;

/// How long a verdict holds, as long as a list of words.
const HOLDS: SignedDuration = SignedDuration::from_mins(5);
/// Most texts that are remembered: 100 KB.
const MOST: usize = 1_000;

/// Clones share what they remember.
#[derive(Debug, Clone)]
pub(super) struct PassedTexts {
    clock: Clock,
    passed: Arc<Mutex<HashMap<String, Timestamp>>>,
}

impl PassedTexts {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, passed: Arc::default() }
    }

    /// Whether this text has passed within five minutes.
    pub(super) fn has(&self, text: &str) -> bool {
        let now = self.clock.now();
        self.passed().get(&sha256_hex(text.as_bytes())).is_some_and(|at| now.duration_since(*at) < HOLDS)
    }

    /// This text has passed now.
    pub(super) fn note(&self, text: &str) {
        let now = self.clock.now();
        let mut passed = self.passed();
        if passed.len() >= MOST {
            passed.retain(|_, at| now.duration_since(*at) < HOLDS);
        }
        if passed.len() < MOST {
            passed.insert(sha256_hex(text.as_bytes()), now);
        }
    }

    fn passed(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::clock::ManualClock;

    use super::*;

    #[test]
    fn passed_text_is_known_for_five_minutes_and_a_thousand_at_once() {
        let manual = ManualClock::new("2026-11-26T08:00:00Z".parse().unwrap());
        let passed = PassedTexts::new(Clock::Manual(manual.clone()));
        passed.note("早上好");
        assert!(passed.has("早上好") && !passed.has("早上"));
        manual.advance(Duration::from_secs(299));
        assert!(passed.has("早上好"));
        manual.advance(Duration::from_secs(1));
        assert!(!passed.has("早上好"));
        (0..2_000).for_each(|number| passed.note(&number.to_string()));
        assert_eq!(passed.passed().len(), 1_000);
    }
}
