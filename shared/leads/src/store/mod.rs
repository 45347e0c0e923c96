//! The tables of this domain: one aggregate per file, rows in, domain types out.
//!
//! Times are seconds since 1970 (`*_time`, `expires_at`, `refresh_due`) except due times and leases, which are
//! milliseconds (`next_action_at`, `*_until`).

pub mod auth;
pub mod lead;
pub mod lead_index;
pub mod oauth_state;
pub(crate) mod page_commit;
pub mod parked_grant;
pub mod sync_task;
pub mod webhook_event;

pub(crate) use kernel::dynamo::{delete, put, unless_refused, update};
