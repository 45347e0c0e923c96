//! The id that the unified lead module has written on a lead.
//!
//! A link is no edit and makes no version: whoever works the lead at the same time has their change taken all the same.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use kernel::dynamo::{n, seconds};
use kernel::error::Result;

use super::{Lead, LeadStore};
use crate::ids::UnifiedLeadId;
use crate::store::update;

/// The name of the value in [`same_link`].
pub(super) const LINKED: &str = ":linked";

/// The condition that a lead has the unified module's id with which it was read, and the value in it. A link makes no version,
/// so whoever writes that id, or keeps the row elsewhere, asks for this beside the version.
pub(super) fn same_link(lead: &Lead) -> (&'static str, Option<AttributeValue>) {
    match lead.unified_lead_id {
        Some(id) => ("unified_lead_id = :linked", Some(n(id))),
        None => ("attribute_not_exists(unified_lead_id)", None),
    }
}

impl LeadStore {
    /// The unified module's id of a lead, as one action of a transaction; refused when the lead is gone, or was linked since it
    /// was read.
    pub(crate) fn link(&self, lead: &Lead, id: UnifiedLeadId, now: Timestamp) -> Result<TransactWriteItem> {
        let (same_link, linked) = same_link(lead);
        let mut builder = self
            .change(lead)
            .condition_expression(format!("attribute_exists(lead_id) AND {same_link}"))
            .update_expression("SET unified_lead_id = :unified, update_time = :now")
            .expression_attribute_values(":unified", n(id))
            .expression_attribute_values(":now", seconds(now));
        if let Some(value) = linked {
            builder = builder.expression_attribute_values(LINKED, value);
        }
        update(builder)
    }
}
