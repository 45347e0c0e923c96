//! Time, injected: everything that asks for the time or waits goes through a [`Clock`], so tests move time instead
//! of sleeping.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::instant::after;

/// The time source of the whole system.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock, as in production.
    #[default]
    System,
    /// A clock that moves only when told, or when somebody sleeps on it.
    Manual(ManualClock),
}

impl Clock {
    /// The instant that this clock tells now.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Waits. On a manual clock the time passes at once.
    #[expect(clippy::disallowed_methods, reason = "the one place that waits in real time")]
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            Self::Manual(clock) => {
                clock.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }
}

/// A clock for simulations: shared by its clones.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock standing at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// The instant it stands at.
    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the time that it tells forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = after(*now, by);
    }
}
