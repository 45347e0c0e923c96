//! Changes to the index, each as actions of the transaction that changes the leads.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::caller::Actor;
use kernel::dynamo::{n, s, seconds};
use kernel::error::Result;
use kernel::ids::UserId;

use super::segment::normalize;
use super::{Counter, LeadIndexStore, edit_entry, key, name_entry, note_entry, segment_of, slot_of, time_marker_entry};
use crate::ids::LeadId;
use crate::store::lead::{Lead, LeadStatus};
use crate::store::{delete, put, update};

impl LeadIndexStore {
    /// Moves the counter on; refused when it has moved since `read` was read.
    pub(crate) fn advance(&self, user_id: UserId, read: &Counter, next: &Counter) -> Result<TransactWriteItem> {
        let condition = if read.version == 0 { "attribute_not_exists(version)" } else { "version = :read" };
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(user_id, "counter")))
            .item("lead_count", n(next.lead_count))
            .item("last_acquire_time", seconds(next.last_acquire_time))
            .item("accounts", AttributeValue::L(next.accounts.iter().map(|account| s(account.as_str())).collect()))
            .item("version", n(read.version + 1))
            .condition_expression(condition);
        if !next.holes.by_block().is_empty() {
            builder = builder.item("holes", AttributeValue::L(next.holes.by_block().iter().map(n).collect()));
        }
        if next.erased_fans != 0 {
            builder = builder.item("erased_fans", n(next.erased_fans));
        }
        if read.version != 0 {
            builder = builder.expression_attribute_values(":read", n(read.version));
        }
        put(builder)
    }

    /// Notes that the leads `first` to `last` were acquired at `time`; pages of one second share a mark.
    pub(crate) fn time_marker(
        &self,
        user_id: UserId,
        time: Timestamp,
        first: LeadId,
        last: LeadId,
    ) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key(user_id, time_marker_entry(time))))
                .update_expression("SET first_lead_id = if_not_exists(first_lead_id, :first), last_lead_id = :last")
                .expression_attribute_values(":first", n(first))
                .expression_attribute_values(":last", n(last)),
        )
    }

    /// Writes encoded name entries, one action per segment they touch.
    pub(crate) fn names(&self, user_id: UserId, entries: &[(LeadId, String)]) -> Result<Vec<TransactWriteItem>> {
        let mut segments: BTreeMap<u64, Vec<(u64, &str)>> = BTreeMap::new();
        for (lead_id, text) in entries {
            segments.entry(segment_of(*lead_id)).or_default().push((slot_of(*lead_id), text));
        }
        segments
            .into_iter()
            .map(|(segment, slots)| {
                let assignments: Vec<String> = slots.iter().map(|(slot, _)| format!("#s{slot} = :s{slot}")).collect();
                let mut builder = Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(key(user_id, name_entry(segment))))
                    .update_expression(format!("SET {}", assignments.join(", ")));
                for (slot, text) in slots {
                    builder = builder
                        .expression_attribute_names(format!("#s{slot}"), slot.to_string())
                        .expression_attribute_values(format!(":s{slot}"), s(text));
                }
                update(builder)
            })
            .collect()
    }

    /// Sets what a search finds of a lead's notes.
    pub(crate) fn note(&self, lead: &Lead, notes: &str) -> Result<TransactWriteItem> {
        let key = key(lead.user_id, note_entry(lead.lead_id));
        let folded = normalize(notes);
        if folded.is_empty() {
            return delete(Delete::builder().table_name(&self.table).set_key(Some(key)));
        }
        put(Put::builder().table_name(&self.table).set_item(Some(key)).item("text", s(folded)))
    }

    /// Adds to a lead's history who made its next version. Notes are not repeated here.
    pub(crate) fn record_edit(
        &self,
        lead: &Lead,
        editor: &Actor,
        to: LeadStatus,
        notes_changed: bool,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(lead.user_id, edit_entry(lead.lead_id, lead.version + 1))))
            .item("version", n(lead.version + 1))
            .item("edited_by", n(lead.user_id))
            .item("actor_id", s(&editor.id))
            .item("edited_at", seconds(now))
            .item("from_status", s(lead.status.as_str()))
            .item("to_status", s(to.as_str()))
            .item("notes_changed", AttributeValue::Bool(notes_changed));
        if let Some(name) = &editor.name {
            builder = builder.item("actor_name", s(name));
        }
        put(builder)
    }
}
