//! Deleting leads that are kept for nothing: those that no customer came of and that nobody has worked for as long as
//! `LEAD_RETENTION_DAYS` says.
//!
//! Who still follows an account of the tenant, as far as syncs have seen, would be a new lead after the next sync: of them a
//! keyed hash stays, as of somebody who was erased. Who was seen not to follow any more goes without one, and is a new lead
//! if they ever come back.
//!
//! Times never decrease with ids, so old leads are the first ones. A pass a day looks at those that have become old since the
//! one before. Who was left then, because somebody had worked the lead, is looked at again within a week.

mod plan;
mod sweep;

pub use sweep::LeadRetention;

use jiff::Timestamp;

use crate::store::lead::{Lead, LeadStatus};

/// Whether a lead is kept for nothing, where `worked_at` is when a person last changed it. It has been there since `cutoff`,
/// and so long nobody has changed its status, its owner or its notes. A customer is never kept for nothing.
fn is_over(lead: &Lead, worked_at: Option<Timestamp>, cutoff: Timestamp) -> bool {
    lead.status != LeadStatus::Converted
        && lead.acquire_time <= cutoff
        && worked_at.is_none_or(|worked_at| worked_at <= cutoff)
}
