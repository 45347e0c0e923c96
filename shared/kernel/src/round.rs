//! What a round of a scheduled function came to. Whoever does the work only counts; whether the round as a whole failed
//! is decided here, the same for all.

use std::fmt;

/// One kind of work of a round: how much was done, and how much was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundReport {
    /// The kind of work, in the plural, for the log.
    pub what: &'static str,
    /// Pieces that were done, also when there turned out to be nothing to do.
    pub done: usize,
    /// Pieces that were tried and failed.
    pub failed: usize,
    /// Pieces that the invocation had no time left to begin.
    pub unreached: usize,
}

impl RoundReport {
    /// Nothing yet of this kind of work.
    #[must_use]
    pub const fn of(what: &'static str) -> Self {
        Self { what, done: 0, failed: 0, unreached: 0 }
    }

    /// Counts one piece of work that was tried.
    pub const fn count(&mut self, is_done: bool) {
        if is_done {
            self.done += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Whether there was anything to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.done + self.failed + self.unreached == 0
    }

    /// Whether more was left undone than done. A single failure among many is that piece's own; when most fail, the
    /// cause is ours or a platform's, and somebody has to look.
    #[must_use]
    pub const fn mostly_failed(&self) -> bool {
        self.failed + self.unreached > self.done
    }
}

impl fmt::Display for RoundReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, done, failed, unreached } = self;
        write!(f, "{what}: {done} done, {failed} failed, {unreached} not reached")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_fails_when_more_was_left_than_done() {
        for (done, failed, unreached, expected) in [
            (0, 0, 0, false),
            (1, 0, 0, false),
            (9, 1, 0, false),
            (5, 5, 0, false),
            (0, 1, 0, true),
            (4, 5, 0, true),
            (4, 0, 5, true),
            (4, 3, 2, true),
        ] {
            let report = RoundReport { what: "rows", done, failed, unreached };
            assert_eq!(report.mostly_failed(), expected, "{report}");
        }
    }
}
