//! The id that the unified lead module has written on a lead.
//!
//! A link is no edit and makes no version: whoever works the lead at the same time has their change taken all the same.

use aws_sdk_dynamodb::types::AttributeValue;
use kernel::dynamo::n;

use super::Lead;

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
