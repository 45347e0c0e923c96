//! What the rules did, counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted, in the order it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Read,
    Write,
    Transaction,
    Conflict,
    LaggingRead,
    StaleRead,
    HotPartition,
    ColdThrottle,
    ShortPage,
    Unprocessed,
    LostAnswer,
}

const NAMES: [&str; 11] = [
    "reads",
    "writes of one item",
    "transactions",
    "conflicts",
    "reads of a copy that lagged behind",
    "stale reads among them",
    "throttled because of a hot partition",
    "throttled for no such reason",
    "pages ended early",
    "batches done in part",
    "answers lost after the write",
];

/// Counters; those of an account, or of all.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; NAMES.len()]);

impl Counts {
    pub(super) fn add(&self, event: Event) {
        if let Some(counter) = self.0.get(event as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, counter)) in NAMES.iter().zip(&self.0).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{} {name}", counter.load(Ordering::Relaxed))?;
        }
        Ok(())
    }
}
