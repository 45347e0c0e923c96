//! The states of a task and of its accounts, and the one function from the second to the first.

use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// A task's status is never stored by hand: it is this, of its accounts.
pub fn derive(results: impl IntoIterator<Item = ResultStatus>) -> TaskStatus {
    let (mut pending, mut processing, mut succeeded, mut failed, mut cancelled) = (0, 0, 0, 0, 0);
    for result in results {
        match result {
            ResultStatus::Pending => pending += 1,
            ResultStatus::Processing => processing += 1,
            ResultStatus::Success => succeeded += 1,
            ResultStatus::Failed => failed += 1,
            ResultStatus::Cancelled => cancelled += 1,
        }
    }
    match (pending, processing, succeeded, failed, cancelled) {
        (_, 0, 0, 0, 0) => TaskStatus::Pending,
        (0, 0, 0, 0, _) => TaskStatus::Cancelled,
        (0, 0, _, 0, 0) => TaskStatus::Completed,
        (0, 0, 0, _, _) => TaskStatus::Failed,
        (0, 0, ..) => TaskStatus::PartialSuccess,
        _ => TaskStatus::Processing,
    }
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
            assert_eq!(derive(results.iter().copied()), status, "{results:?}");
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
