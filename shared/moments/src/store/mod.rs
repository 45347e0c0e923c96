//! The tables of this domain: one aggregate per file, rows in, domain types out.
//!
//! Times are seconds since 1970 (`*_time`, `expires_at`) except due times and leases, which are milliseconds
//! (`next_action_at`, `*_until`, `sending_at`).

pub mod account;
pub mod claim;
pub mod corp;
pub mod idempotency;
pub mod media;
pub mod result;
pub mod task;
pub mod unit;

pub(crate) use kernel::dynamo::{delete, put, unless_refused, update};

/// Whether something of which there is only so much was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It was.
    Taken,
    /// It can be asked for again at this instant, in milliseconds.
    NotBefore(i64),
}
