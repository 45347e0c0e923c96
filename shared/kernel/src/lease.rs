//! Leases: a row that belongs to one worker until an instant, so that a worker that died holds nothing up for ever.
//!
//! A lease is taken with a conditional write that stores its owner and its end; every later write of its holder has the
//! condition that the owner is still the same. The owner is random and new with each lease: a worker never takes a
//! lease of an earlier run for its own, and finding its own owner in a row means that the answer to its write was lost.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::instant::{after, between};

/// How often a worker looks whether another one has let go.
const POLL: Duration = Duration::from_millis(250);

/// A lease as its holder knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    owner: String,
    taken_at: Timestamp,
    length: Duration,
    end: Timestamp,
}

impl Lease {
    /// A lease from `now` on, of a new owner. It holds nothing until it is written.
    #[must_use]
    pub fn new(now: Timestamp, length: Duration) -> Self {
        Self { owner: hex::encode(crate::crypto::random::<8>()), taken_at: now, length, end: after(now, length) }
    }

    /// The token that the row stores.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// When it was asked for: what is over or due by then may be taken.
    #[must_use]
    pub const fn taken_at(&self) -> Timestamp {
        self.taken_at
    }

    /// When somebody else may take the row.
    #[must_use]
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// A later end once half of the length is used, for the holder to write. Writing one more often would only cost.
    #[must_use]
    pub fn renewal(&self, now: Timestamp) -> Option<Timestamp> {
        (between(now, self.end) < self.length / 2).then(|| after(now, self.length))
    }

    /// Notes that the row has this end now.
    pub const fn renewed(&mut self, end: Timestamp) {
        self.end = end;
    }
}

/// What a look at a row came to that one worker at a time makes something of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAttempt<T> {
    /// It is there, made by this worker or by another one.
    Done(T),
    /// The row was changed meanwhile: look again at once.
    Changed,
    /// Another worker holds the lease: look again after a pause.
    HeldByOther,
}

/// Looks again and again until what is needed is there, for as long as `patience` lasts.
///
/// # Errors
/// [`Error::Contention`] with `what` when the holder did not let go in time; any error of a look at once.
pub async fn wait_for<T, E, F>(
    clock: &Clock,
    what: &'static str,
    patience: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T, E>
where
    E: From<Error>,
    F: Future<Output = Result<LeaseAttempt<T>, E>>,
{
    let give_up = after(clock.now(), patience);
    loop {
        match look().await? {
            LeaseAttempt::Done(done) => return Ok(done),
            LeaseAttempt::Changed => {}
            LeaseAttempt::HeldByOther if clock.now() >= give_up => return Err(Error::Contention(what).into()),
            LeaseAttempt::HeldByOther => clock.sleep(POLL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::clock::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn lease_has_a_new_owner_each_time() {
        let now = at("2026-11-20T00:00:00Z");
        assert_ne!(Lease::new(now, MINUTE).owner(), Lease::new(now, MINUTE).owner());
    }

    #[test]
    fn lease_is_renewed_once_half_of_it_is_used() {
        let mut lease = Lease::new(at("2026-11-20T00:00:00Z"), MINUTE);
        assert_eq!(lease.end(), at("2026-11-20T00:01:00Z"));
        assert_eq!(lease.renewal(at("2026-11-20T00:00:30Z")), None);
        let later = lease.renewal(at("2026-11-20T00:00:31Z"));
        assert_eq!(later, Some(at("2026-11-20T00:01:31Z")));
        lease.renewed(later.unwrap());
        assert_eq!(lease.renewal(at("2026-11-20T00:01:01Z")), None);
        assert_eq!(lease.renewal(at("2026-11-20T00:02:00Z")), Some(at("2026-11-20T00:03:00Z")));
    }

    #[tokio::test]
    async fn lease_held_by_another_is_waited_for_until_the_time_limit() {
        let manual = ManualClock::new(at("2026-11-20T00:00:00Z"));
        let clock = Clock::Manual(manual.clone());
        let mut looks = 0;
        let done = wait_for(&clock, "row", MINUTE, || {
            looks += 1;
            ready(Ok::<_, Error>(match looks {
                1 => LeaseAttempt::HeldByOther,
                2 => LeaseAttempt::Changed,
                _ => LeaseAttempt::Done(looks),
            }))
        });
        assert_eq!(done.await.unwrap(), 3);
        assert_eq!(manual.now(), at("2026-11-20T00:00:00.25Z"), "a changed row is looked at again at once");

        let held = wait_for(&clock, "row", MINUTE, || ready(Ok::<LeaseAttempt<()>, Error>(LeaseAttempt::HeldByOther)));
        assert!(matches!(held.await, Err(Error::Contention("row"))));
        assert_eq!(manual.now(), at("2026-11-20T00:01:00.25Z"));
    }
}
