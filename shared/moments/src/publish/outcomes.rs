//! What became of posts, in numbers.

use kernel::metrics::{self, Metric};

use crate::error::{PublishProblem, UNCONFIRMED};
use crate::store::result::AccountState;

/// Tells of accounts that have ended, once that is written.
pub(super) fn tell<'a>(states: impl Iterator<Item = &'a AccountState>) {
    let missed = AccountState::failed(PublishProblem::Missed.advice());
    for state in states {
        match state {
            AccountState::Success { .. } => metrics::put(Metric::PostsPublished, 1),
            AccountState::Failed { code, .. } if *code == UNCONFIRMED => metrics::put(Metric::PostsUnconfirmed, 1),
            AccountState::Failed { .. } => {
                metrics::put(Metric::PostsFailed, 1);
                metrics::count(Metric::PostsMissed, usize::from(*state == missed));
            }
            _ => {}
        }
    }
}
