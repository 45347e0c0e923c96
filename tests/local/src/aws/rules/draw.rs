//! The dice: every decision of the rules comes from one seed, so a run can be repeated. Requests that arrive at the
//! same time may change places, and with them what each of them meets.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// Names the seed in the environment.
pub const SEED_VARIABLE: &str = "AWS_FAULT_SEED";

/// The seed of this process: of the environment, else of the clock.
pub(super) fn seed() -> u64 {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs()))
}

/// A stream of numbers (splitmix64, as good as it has to be here).
#[derive(Debug)]
pub(super) struct Random(Mutex<u64>);

impl Random {
    /// The stream of this name.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, name).hash(&mut hasher);
        Self(Mutex::new(hasher.finish()))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// True once in so many times.
    pub(super) fn once_in(&self, times: u64) -> bool {
        self.next().is_multiple_of(times.max(1))
    }

    /// A number from 0 to `most`, both included.
    pub(super) fn up_to(&self, most: usize) -> usize {
        let range = (most as u64).saturating_add(1);
        usize::try_from(self.next() % range).unwrap_or_default()
    }

    /// 1 to 20 ms, short ones more often, 5 ms in the middle.
    pub(super) fn latency(&self) -> Duration {
        let part = self.up_to(1_000) as f64 / 1_000.0;
        Duration::from_micros(1_000 + (19_000.0 * part * part) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_seed_and_name_are_always_the_same_and_others_differ() {
        let of = |seed, name| {
            let dice = Random::new(seed, name);
            (0..8).map(|_| dice.up_to(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(of(7, "a"), of(7, "a"));
        assert_ne!(of(7, "a"), of(8, "a"));
        assert_ne!(of(7, "a"), of(7, "b"));
    }

    #[test]
    fn latency_is_one_to_twenty_milliseconds() {
        let dice = Random::new(1, "latency");
        let all: Vec<_> = (0..1_000).map(|_| dice.latency()).collect();
        assert!(all.iter().all(|one| (1..=20).contains(&one.as_millis())));
    }
}
