//! The kernel's error. Which code, status and text a caller is told is in [`crate::advice`].

use std::fmt;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Result with the kernel's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field of a request that is wrong: where it is and, in Chinese, what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Path of the field as the caller wrote it (`accountIds[2]`, `size`).
    pub path: String,
    /// What is wrong and the remedy, for the end user.
    pub problem: String,
}

impl FieldProblem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

/// What can go wrong below the domains.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller presented no token or one we do not accept. The text is for the log only.
    #[error("unauthenticated: {0}")]
    Unauthenticated(&'static str),
    /// The caller is known but lacks the permission.
    #[error("permission {0} is missing")]
    PermissionDenied(&'static str),
    /// The request has wrong fields.
    #[error("invalid request: {}", list(.0))]
    InvalidRequest(Vec<FieldProblem>),
    /// The object does not exist, or belongs to someone else: the two must look alike.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// An AWS call failed after the SDK's retries.
    #[error("{operation} failed: {code}: {message}")]
    Aws {
        /// The call, as `service:Operation`.
        operation: &'static str,
        /// The service's error code, or the kind of transport failure.
        code: String,
        /// The service's message. Never the response body: it can hold stored items.
        message: String,
    },
    /// A stored value cannot be read back: a bug or tampering, never the caller's fault.
    #[error("{0} cannot be decoded")]
    Corrupt(&'static str),
    /// A mistake of ours that no input can cause, such as a request that was built without its table.
    #[error("internal error: {0}")]
    Internal(&'static str),
    /// Somebody else holds what is needed and did not let go in time; trying later helps.
    #[error("{0} is busy")]
    Contention(&'static str),
    /// Events were asked for that are not kept any more.
    #[error("events before number {oldest} have expired")]
    EventsExpired {
        /// The number of the first event that is kept.
        oldest: u64,
    },
    /// A dependency outside AWS (the key server) did not answer.
    #[error("{0} is unavailable")]
    Unavailable(&'static str),
}

impl Error {
    /// The error of a request with one wrong field.
    pub fn invalid(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidRequest(vec![FieldProblem::new(path, problem)])
    }

    /// The fields of the request that are to be corrected.
    pub fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::InvalidRequest(fields) => fields,
            _ => &[],
        }
    }

    /// Whether the same call can succeed later. Only what is wrong with the call itself cannot: a right or a key that is
    /// missing may be given back, and a failure that nobody has thought of is worth another try.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Aws { code, .. } => !matches!(code.as_str(), "ConstructionFailure" | "ValidationException"),
            Self::Contention(_) | Self::Unavailable(_) => true,
            _ => false,
        }
    }

    /// Maps an SDK error, keeping code and message and dropping the raw response, which may hold stored items. A write that
    /// met a running transaction at every attempt is [`Error::Contention`].
    pub fn aws<E, R>(operation: &'static str) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + fmt::Debug,
        R: fmt::Debug,
    {
        move |error| {
            let (code, message) = match &error {
                SdkError::ServiceError(service) => (
                    service.err().code().unwrap_or("Unknown").to_owned(),
                    service.err().message().unwrap_or_default().to_owned(),
                ),
                SdkError::TimeoutError(_) => ("Timeout".to_owned(), String::new()),
                SdkError::DispatchFailure(failure) => ("DispatchFailure".to_owned(), format!("{failure:?}")),
                SdkError::ResponseError(_) => ("UnreadableResponse".to_owned(), String::new()),
                _ => ("ConstructionFailure".to_owned(), String::new()),
            };
            match code.as_str() {
                "TransactionConflictException" => Self::Contention(operation),
                _ => Self::Aws { operation, code, message: without_values(&message) },
            }
        }
    }
}

/// Longer messages of a service are cut: they are for a log line.
const MAX_MESSAGE: usize = 300;

/// A service's message without the value that it complains about: that is a row, or a whole transaction of them, with
/// names and encrypted tokens. DynamoDB writes `Value '…' at '<member>' failed to satisfy constraint: …`.
fn without_values(message: &str) -> String {
    const BEFORE: &str = "Value '";
    const AFTER: &str = "' at '";
    let text = match message.split_once(BEFORE) {
        Some((start, rest)) => {
            let end = rest.rsplit_once(AFTER).map(|(_, end)| format!("{AFTER}{end}")).unwrap_or_default();
            format!("{start}{BEFORE}…{end}")
        }
        None => message.to_owned(),
    };
    text.chars().take(MAX_MESSAGE).collect()
}

/// Errors that say whether another writer was in the way, so that [`retry::on_conflict`](crate::retry::on_conflict) knows
/// them through the domains' own error types.
pub trait IsContention {
    /// Whether nothing was written because somebody else was writing the same rows.
    fn is_contention(&self) -> bool;
}

impl IsContention for Error {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Contention(_))
    }
}

fn list(fields: &[FieldProblem]) -> String {
    fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_message_is_kept_without_the_value_it_complains_about_and_cut() {
        let rows = "[TransactWriteItem(put=Put(item={nickname=小店, notes=it's at 'home'}))]";
        let constraint =
            "'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100";
        let message = format!("1 validation error detected: Value '{rows}' at {constraint}");
        assert_eq!(without_values(&message), format!("1 validation error detected: Value '…' at {constraint}"));
        let plain = "The conditional request failed";
        assert_eq!(without_values(plain), plain);
        assert_eq!(without_values("Value '{nickname=小店, of a mess"), "Value '…");
        assert_eq!(without_values(&"长".repeat(1_000)).chars().count(), MAX_MESSAGE);
    }
}
