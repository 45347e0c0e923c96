//! The states of a task and of its accounts, and the one function from the second to the first.

use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    Pending,
    /// Some account is being published to, or waits to be.
    Processing,
    Completed,
    /// Some succeeded, and none is open any more.
    PartialSuccess,
    Failed,
    /// It was called off before any account began.
    Cancelled,
}

/// Where one account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ResultStatus {
    Pending,
    Processing,
    /// Published, with the provider's id to prove it.
    Success,
    /// Not published, or not known to be; the row says why.
    Failed,
    /// Called off before it began.
    Cancelled,
}

impl TaskStatus {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::PartialSuccess => "PARTIAL_SUCCESS",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing)
    }
}

impl ResultStatus {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing)
    }
}

/// How many of a task's accounts stand where. The task's row holds it, so that whoever ends some of them knows what the
/// task comes to without reading the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub open: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub cancelled: u32,
}

impl Tally {
    pub fn of(results: impl IntoIterator<Item = ResultStatus>) -> Self {
        results.into_iter().fold(Self::default(), |mut tally, result| {
            *tally.place(result) += 1;
            tally
        })
    }

    /// With one account that stood at `from` and stands at `to` now.
    pub fn moved(mut self, from: ResultStatus, to: ResultStatus) -> Self {
        let place = self.place(from);
        *place = place.saturating_sub(1);
        *self.place(to) += 1;
        self
    }

    fn place(&mut self, status: ResultStatus) -> &mut u32 {
        match status {
            ResultStatus::Pending | ResultStatus::Processing => &mut self.open,
            ResultStatus::Success => &mut self.succeeded,
            ResultStatus::Failed => &mut self.failed,
            ResultStatus::Cancelled => &mut self.cancelled,
        }
    }

    /// What a task comes to of which some account has begun.
    pub const fn status(self) -> TaskStatus {
        match (self.open, self.succeeded, self.failed, self.cancelled) {
            (0, 0, 0, _) => TaskStatus::Cancelled,
            (0, _, 0, 0) => TaskStatus::Completed,
            (0, 0, _, _) => TaskStatus::Failed,
            (0, ..) => TaskStatus::PartialSuccess,
            _ => TaskStatus::Processing,
        }
    }
}

/// What a task's accounts amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub status: TaskStatus,
    pub tally: Tally,
}

/// A task's status is never stored by hand: it is this, of its accounts.
pub fn derive(results: impl IntoIterator<Item = ResultStatus>) -> Standing {
    let (mut tally, mut has_begun) = (Tally::default(), false);
    for result in results {
        *tally.place(result) += 1;
        has_begun |= result != ResultStatus::Pending;
    }
    Standing { status: if has_begun { tally.status() } else { TaskStatus::Pending }, tally }
}

#[cfg(test)]
mod tests {
    use super::ResultStatus::{Cancelled, Failed, Pending, Processing, Success};
    use super::*;

    #[test]
    fn task_status_is_derived_from_its_results() {
        for (results, status) in [
            (&[Pending, Pending][..], TaskStatus::Pending),
            (&[Pending, Processing], TaskStatus::Processing),
            (&[Pending, Success], TaskStatus::Processing),
            (&[Processing, Failed], TaskStatus::Processing),
            (&[Success, Success], TaskStatus::Completed),
            (&[Success, Failed], TaskStatus::PartialSuccess),
            (&[Success, Cancelled], TaskStatus::PartialSuccess),
            (&[Failed, Failed], TaskStatus::Failed),
            (&[Failed, Cancelled], TaskStatus::Failed),
            (&[Cancelled, Cancelled], TaskStatus::Cancelled),
            (&[Cancelled, Pending], TaskStatus::Processing),
        ] {
            let standing = derive(results.iter().copied());
            assert_eq!(standing.status, status, "{results:?}");
            assert_eq!(standing.tally, Tally::of(results.iter().copied()), "{results:?}");
        }
    }

    /// Whoever moves accounts one by one comes to what all of them together amount to.
    #[test]
    fn tally_of_accounts_moved_one_by_one_gives_the_derived_status() {
        const ALL: [ResultStatus; 5] = [Pending, Processing, Success, Failed, Cancelled];
        for first in ALL {
            for second in ALL {
                let tally = Tally::of([Pending, Pending]).moved(Pending, first).moved(Pending, second);
                let derived = derive([first, second]);
                assert_eq!(tally, derived.tally, "{first:?} {second:?}");
                if derived.status != TaskStatus::Pending {
                    assert_eq!(tally.status(), derived.status, "{first:?} {second:?}");
                }
            }
        }
    }

    #[test]
    fn status_is_told_in_the_words_of_the_contract_and_knows_whether_it_is_an_end() {
        for (status, word, ended) in [
            (TaskStatus::Pending, "PENDING", false),
            (TaskStatus::Processing, "PROCESSING", false),
            (TaskStatus::Completed, "COMPLETED", true),
            (TaskStatus::PartialSuccess, "PARTIAL_SUCCESS", true),
            (TaskStatus::Failed, "FAILED", true),
            (TaskStatus::Cancelled, "CANCELLED", true),
        ] {
            assert_eq!((status.as_str(), status.ended()), (word, ended));
            assert_eq!(serde_json::to_value(status).unwrap(), word);
        }
        for (status, word, ended) in [
            (Pending, "PENDING", false),
            (Processing, "PROCESSING", false),
            (Success, "SUCCESS", true),
            (Failed, "FAILED", true),
            (Cancelled, "CANCELLED", true),
        ] {
            assert_eq!((status.as_str(), status.ended()), (word, ended));
            assert_eq!(serde_json::to_value(status).unwrap(), word);
        }
    }
}
