//! Changes to the index, each as actions of the transaction that changes the leads.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::caller::Actor;
use kernel::dynamo::{n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::transaction::Transaction;

use super::id_sets::SetChanges;
use super::segment::normalize;
use super::{
    Counter, FollowUp, LeadIndexStore, edit_entry, key, name_entry, note_entry, segment_of, slot_of, time_marker_entry,
};
use crate::ids::{LeadId, OwnerId};
use crate::store::lead::{Lead, LeadStatus};
use crate::store::{check, delete, put, update};

/// A lead as it was read, and as an edit leaves it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeadEdit<'a> {
    pub before: &'a Lead,
    pub after: &'a Lead,
}

impl LeadIndexStore {
    /// Moves the counter on, and writes the accounts met if there are more of them: one action or two of a transaction, which
    /// is refused when the counter has moved since `read` was read.
    ///
    /// # Errors
    /// [`Error::Internal`] for a counter that was read without the accounts met.
    pub(crate) fn advance(
        &self,
        transaction: &mut Transaction,
        user_id: UserId,
        read: &Counter,
        next: &Counter,
    ) -> Result<()> {
        if next.accounts.len() != next.account_count {
            return Err(Error::Internal("counter without the accounts met"));
        }
        if next.accounts != read.accounts {
            let accounts = next.accounts.iter().map(|account| s(account.as_str())).collect();
            transaction.add(put(Put::builder()
                .table_name(&self.table)
                .set_item(Some(key(user_id, "accounts")))
                .item("accounts", AttributeValue::L(accounts)))?);
        }
        let condition = if read.version == 0 { "attribute_not_exists(version)" } else { "version = :read" };
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(user_id, "counter")))
            .item("lead_count", n(next.lead_count))
            .item("last_acquire_time", seconds(next.last_acquire_time))
            .item("account_count", n(next.account_count))
            .item("version", n(read.version + 1))
            .condition_expression(condition);
        if !next.holes.by_block().is_empty() {
            builder = builder.item("holes", AttributeValue::L(next.holes.by_block().iter().map(n).collect()));
        }
        for (name, number) in [("erased_fans", next.erased_fans), ("merged_leads", next.merged_leads)] {
            if number != 0 {
                builder = builder.item(name, n(number));
            }
        }
        if read.version != 0 {
            builder = builder.expression_attribute_values(":read", n(read.version));
        }
        transaction.add(put(builder)?);
        Ok(())
    }

    /// That the counter is as it was read, as one action of a transaction.
    pub(crate) fn has_not_moved(&self, user_id: UserId, read: &Counter) -> Result<TransactWriteItem> {
        let builder = ConditionCheck::builder().table_name(&self.table).set_key(Some(key(user_id, "counter")));
        check(match read.version {
            0 => builder.condition_expression("attribute_not_exists(version)"),
            read => builder.condition_expression("version = :read").expression_attribute_values(":read", n(read)),
        })
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

    /// Writes encoded name entries, or takes those without a text away, one action per segment they touch.
    pub(crate) fn rename(
        &self,
        user_id: UserId,
        entries: &[(LeadId, Option<String>)],
    ) -> Result<Vec<TransactWriteItem>> {
        let mut segments: BTreeMap<u64, Vec<(u64, Option<&str>)>> = BTreeMap::new();
        for (lead_id, text) in entries {
            segments.entry(segment_of(*lead_id)).or_default().push((slot_of(*lead_id), text.as_deref()));
        }
        segments
            .into_iter()
            .map(|(segment, slots)| {
                let (mut set, mut removed) = (Vec::new(), Vec::new());
                let mut builder =
                    Update::builder().table_name(&self.table).set_key(Some(key(user_id, name_entry(segment))));
                for (slot, text) in slots {
                    builder = builder.expression_attribute_names(format!("#s{slot}"), slot.to_string());
                    match text {
                        Some(text) => {
                            set.push(format!("#s{slot} = :s{slot}"));
                            builder = builder.expression_attribute_values(format!(":s{slot}"), s(text));
                        }
                        None => removed.push(format!("#s{slot}")),
                    }
                }
                let clause = |verb: &str, parts: &[String]| match parts.is_empty() {
                    true => String::new(),
                    false => format!("{verb} {} ", parts.join(", ")),
                };
                update(builder.update_expression(clause("SET", &set) + &clause("REMOVE", &removed)))
            })
            .collect()
    }

    /// Sets what a search finds of a lead's notes.
    pub(crate) fn note(&self, lead: &Lead) -> Result<TransactWriteItem> {
        let key = key(lead.user_id, note_entry(lead.lead_id));
        let folded = normalize(&lead.notes);
        if folded.is_empty() {
            return delete(Delete::builder().table_name(&self.table).set_key(Some(key)));
        }
        put(Put::builder().table_name(&self.table).set_item(Some(key)).item("text", s(folded)))
    }

    /// What an edit leaves beside the lead's row: its history, what a search finds of its notes, and the note itself, if
    /// somebody has written one.
    pub(crate) fn record(&self, edit: LeadEdit<'_>, editor: &Actor, is_noted: bool) -> Result<Vec<TransactWriteItem>> {
        let LeadEdit { before, after } = edit;
        let mut actions = vec![self.record_edit(edit, editor, is_noted)?];
        if after.notes != before.notes {
            actions.push(self.note(after)?);
        }
        // What nobody can see clears what is shown, and is no note.
        if is_noted && !normalize(&after.notes).is_empty() {
            actions.push(self.add_follow_up(after.lead_id, &FollowUp::newest(after, editor))?);
        }
        Ok(actions)
    }

    /// Adds to a lead's history who made its new version. Notes are not repeated here.
    fn record_edit(
        &self,
        LeadEdit { before, after }: LeadEdit<'_>,
        editor: &Actor,
        notes_changed: bool,
    ) -> Result<TransactWriteItem> {
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(after.user_id, edit_entry(after.lead_id, after.version))))
            .item("version", n(after.version))
            .item("edited_by", n(after.user_id))
            .item("actor_id", s(&editor.id))
            .item("edited_at", seconds(after.update_time))
            .item("from_status", s(before.status.as_str()))
            .item("to_status", s(after.status.as_str()))
            .item("notes_changed", AttributeValue::Bool(notes_changed));
        if let Some(name) = &editor.name {
            builder = builder.item("actor_name", s(name));
        }
        if after.owner != before.owner {
            let text = |lead: &Lead| s(lead.owner.as_ref().map_or("", OwnerId::as_str));
            builder = builder.item("from_owner", text(before)).item("to_owner", text(after));
        }
        put(builder)
    }

    /// Moves leads between the sets of statuses and of owners: the blocks they leave or enter, and the tally, as actions of
    /// the transaction that changes the leads. They are refused when a block was rewritten meanwhile for another lead.
    pub(crate) async fn move_leads(&self, user_id: UserId, edits: &[LeadEdit<'_>]) -> Result<Vec<TransactWriteItem>> {
        self.move_leads_and(user_id, edits, &[], None).await
    }

    /// The same, together with leads that go from the list, whose ids then stand for nobody, and one that comes back.
    pub(crate) async fn move_leads_and(
        &self,
        user_id: UserId,
        edits: &[LeadEdit<'_>],
        going: &[&Lead],
        comes: Option<&Lead>,
    ) -> Result<Vec<TransactWriteItem>> {
        let (mut changes, mut statuses) = (SetChanges::default(), Vec::new());
        for LeadEdit { before, after } in edits {
            if after.status != before.status {
                Self::move_status(&mut changes, after.lead_id, before.status, after.status)?;
                statuses.push((before.status, after.status));
            }
            if after.owner != before.owner {
                Self::move_owner(&mut changes, after.lead_id, before.owner.as_ref(), after.owner.as_ref())?;
            }
        }
        for lead in going {
            Self::move_status(&mut changes, lead.lead_id, lead.status, LeadStatus::New)?;
            Self::move_owner(&mut changes, lead.lead_id, lead.owner.as_ref(), None)?;
            Self::go(&mut changes, lead.lead_id)?;
            statuses.push((lead.status, LeadStatus::New));
        }
        if let Some(lead) = comes {
            Self::come_back(&mut changes, lead.lead_id)?;
            Self::move_status(&mut changes, lead.lead_id, LeadStatus::New, lead.status)?;
            Self::move_owner(&mut changes, lead.lead_id, None, lead.owner.as_ref())?;
            statuses.push((LeadStatus::New, lead.status));
        }
        statuses.retain(|(from, to)| from != to);
        let mut actions = self.rewrite(user_id, changes).await?;
        if !statuses.is_empty() {
            actions.push(self.count(user_id, &statuses)?);
        }
        Ok(actions)
    }
}
