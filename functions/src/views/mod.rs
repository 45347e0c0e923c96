//! The domains' objects with the contract's field names.

pub(crate) mod leads;
pub(crate) mod moments;

use jiff::Timestamp;

/// Stored seconds as RFC 3339 in UTC.
pub(crate) fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
