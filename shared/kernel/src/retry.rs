//! Trying again: how long to pause, and the one loop for writes that met another writer.
//!
//! There are four levels, and each handles what the others cannot. A single-row write that meets a running transaction
//! (`TransactionConflictException`) is sent again by the DynamoDB client itself (`conflict.rs`). A transaction that meets
//! another one, or a throttle, is sent again by [`Transaction::commit`](crate::transaction::Transaction::commit): what it
//! says is still right. A write whose **condition** failed, or that met others until its attempts were used up, was made
//! from a row that is out of date, so it has to be made anew from what is read now; that is [`on_conflict`]. And a write of what only the worker knows, which would otherwise be
//! lost, is repeated while the function lives; that is [`try_again_until`].

use std::time::Duration;

use crate::aws::LONGEST_CALL;
use crate::clock::Clock;
use crate::deadline::Deadline;
use crate::error::{Error, IsContention, Result};

/// The pauses between attempts to write what met another write, a throttle or a passing failure of AWS.
pub(crate) const CONFLICT_PAUSES: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(1_280));
/// How often such a transaction is sent again.
pub(crate) const CONFLICT_RETRIES: u32 = 8;

/// The pauses of [`on_conflict`]. Whoever was faster has committed by then, so they only spread the contenders.
const CONTENTION_PAUSES: Backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(128));
/// How often a write is made anew unless its use case needs another number.
pub const TRIES: u32 = 10;
/// How many of them may end in a contention that outlasted its own pauses, which are 2 to 4 seconds together: three such
/// rounds end within the 15 seconds of a route. A webhook has 5; one that is cut off is delivered again.
const CONTENDED_TRIES: u32 = 3;

/// Pauses that double with each attempt up to a longest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses from `first`, never longer than `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after attempt number `attempt`, counted from 0.
    #[must_use]
    pub fn pause(self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// The same, of which the second half is random, so that two that met do not meet again.
    #[must_use]
    pub fn jittered(self, attempt: u32) -> Duration {
        let half = self.pause(attempt) / 2;
        half + half.mul_f64(f64::from(u16::from_le_bytes(crate::crypto::random::<2>())) / f64::from(u16::MAX))
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt<T> {
    /// It is done, with this result.
    Done(T),
    /// What it was made from has changed since it was read.
    Conflict,
}

/// Makes a write anew from what is read now until no other writer is in its way, at most `tries` times, with a short
/// random pause in between. `attempt` has to read everything that its write depends on.
///
/// # Errors
/// [`Error::Contention`] with `what` when every attempt met another writer, or three of them at every request that they
/// sent; any other error of an attempt at once.
// Not `AsyncFnMut`: the compiler cannot prove that the future of an async closure is `Send` for every lifetime.
pub async fn on_conflict<T, E, F>(
    clock: &Clock,
    what: &'static str,
    tries: u32,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    E: From<Error> + IsContention,
    F: Future<Output = Result<Attempt<T>, E>>,
{
    let mut contended = 0;
    for number in 0..tries {
        if let Some(before) = number.checked_sub(1) {
            clock.sleep(CONTENTION_PAUSES.jittered(before)).await;
        }
        match attempt().await {
            Ok(Attempt::Done(done)) => return Ok(done),
            Ok(Attempt::Conflict) => {}
            Err(error) if error.is_contention() => contended += 1,
            Err(error) => return Err(error),
        }
        if contended == CONTENDED_TRIES {
            break;
        }
    }
    Err(Error::Contention(what).into())
}

/// Whether a write of what only this worker knows, such as a token or an id that a platform has just answered, is tried
/// again after `error`; pauses first if it is. `attempt` counts from 0.
///
/// It is for as long as the function lives, because what is not written is lost, and not longer: a call that is under way
/// when the function is killed takes the other records of its batch along.
pub async fn try_again_until(deadline: Deadline, clock: &Clock, error: &Error, attempt: u32) -> bool {
    let pause = CONFLICT_PAUSES.jittered(attempt);
    let may_pass = error.may_pass() && deadline.remaining(clock.now()) > pause + LONGEST_CALL;
    if may_pass {
        clock.sleep(pause).await;
    }
    may_pass
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::clock::ManualClock;

    fn clock() -> (Clock, ManualClock) {
        let manual = ManualClock::new("2026-11-20T00:00:00Z".parse().unwrap());
        (Clock::Manual(manual.clone()), manual)
    }

    #[test]
    fn backoff_doubles_up_to_the_longest_pause() {
        let backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(900));
        for (attempt, seconds) in [(0, 5), (1, 10), (2, 20), (7, 640), (8, 900), (31, 900), (32, 900), (u32::MAX, 900)]
        {
            assert_eq!(backoff.pause(attempt), Duration::from_secs(seconds), "{attempt}");
        }
        assert_eq!(Backoff::new(Duration::ZERO, Duration::from_secs(1)).pause(40), Duration::ZERO);
    }

    #[test]
    fn backoff_with_jitter_is_between_half_and_the_whole() {
        for attempt in 0..12 {
            let (pause, whole) = (CONFLICT_PAUSES.jittered(attempt), CONFLICT_PAUSES.pause(attempt));
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?} of {whole:?}");
        }
    }

    #[tokio::test]
    async fn on_conflict_repeats_from_a_fresh_read_until_done() {
        let (clock, manual) = clock();
        let began = manual.now();
        let mut reads = 0;
        let done = on_conflict(&clock, "row", 10, || {
            reads += 1;
            ready(Ok::<_, Error>(if reads < 4 { Attempt::Conflict } else { Attempt::Done(reads) }))
        });
        assert_eq!(done.await.unwrap(), 4);
        assert!(manual.now() > began, "it pauses between attempts");
    }

    #[tokio::test]
    async fn on_conflict_makes_the_write_anew_after_contention_and_gives_up_at_the_third() {
        let (clock, _) = clock();
        for (contended, expected) in [(2, true), (3, false)] {
            let mut attempts = 0;
            let outcome = on_conflict(&clock, "row", 10, || {
                attempts += 1;
                ready(if attempts <= contended { Err(Error::Contention("call")) } else { Ok(Attempt::Done(())) })
            });
            let outcome = outcome.await;
            assert_eq!(outcome.is_ok(), expected, "{contended}: {outcome:?}");
            assert!(expected || matches!(outcome, Err(Error::Contention("row"))), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn try_again_until_repeats_while_the_function_lives() {
        let (clock, manual) = clock();
        let deadline = Deadline::after(manual.now(), Duration::from_secs(60));
        let (passing, lasting) = (Error::Contention("table"), Error::Internal("update"));
        assert!(try_again_until(deadline, &clock, &passing, 0).await);
        assert!(!try_again_until(deadline, &clock, &lasting, 0).await);
        manual.advance(Duration::from_secs(60) - LONGEST_CALL);
        assert!(!try_again_until(deadline, &clock, &passing, 0).await, "it could be killed in the call");
    }

    #[tokio::test]
    async fn on_conflict_gives_up_after_its_tries_and_at_the_first_error() {
        let (clock, _) = clock();
        let mut reads = 0;
        let busy = on_conflict(&clock, "row", 3, || {
            reads += 1;
            ready(Ok::<Attempt<()>, Error>(Attempt::Conflict))
        });
        assert!(matches!(busy.await, Err(Error::Contention("row"))));
        assert_eq!(reads, 3);

        let mut reads = 0;
        let failed = on_conflict(&clock, "row", 3, || {
            reads += 1;
            ready(Err::<Attempt<()>, _>(Error::NotFound("row")))
        });
        assert!(matches!(failed.await, Err(Error::NotFound("row"))));
        assert_eq!(reads, 1);
    }
}
