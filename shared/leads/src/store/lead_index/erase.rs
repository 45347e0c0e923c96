//! Taking everything out of the index that is about one lead.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use kernel::dynamo::{n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;

use super::{LeadIndexStore, key, name_entry, note_entry, segment_of, slot_of};
use crate::ids::LeadId;
use crate::store::{delete, update};

/// The prefixes of the entries of which a lead has any number: its history and the notes that people wrote.
const LISTS: [&str; 2] = ["edit", "followup"];

/// The entries of which a lead has any number, by name.
#[derive(Debug, Default)]
pub(crate) struct OwnEntries(Vec<String>);

impl OwnEntries {
    /// Splits off all but the last `kept`.
    pub fn split_off_all_but(&mut self, kept: usize) -> Self {
        let surplus = self.0.len().saturating_sub(kept);
        let last = self.0.split_off(surplus);
        Self(std::mem::replace(&mut self.0, last))
    }
}

impl LeadIndexStore {
    /// The entries of which a lead has any number, read consistently.
    pub(crate) async fn own_entries(&self, user_id: UserId, lead_id: LeadId) -> Result<OwnEntries> {
        let mut entries = Vec::new();
        for list in LISTS {
            let prefix = format!("{list}#{:014}#", lead_id.get());
            let mut start = None;
            loop {
                let answer = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .consistent_read(true)
                    .key_condition_expression("user_id = :user AND begins_with(entry, :prefix)")
                    .expression_attribute_values(":user", n(user_id))
                    .expression_attribute_values(":prefix", s(&prefix))
                    .projection_expression("entry")
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(Error::aws("dynamodb:Query"))?;
                for mut row in answer.items.unwrap_or_default() {
                    let entry = row.remove("entry").and_then(|entry| entry.as_s().ok().cloned());
                    entries.push(entry.ok_or(Error::Corrupt("lead index"))?);
                }
                start = answer.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(OwnEntries(entries))
    }

    /// Deletes entries one after the other; who dies in between has the rest to be deleted by the next attempt.
    pub(crate) async fn delete_entries(&self, user_id: UserId, entries: OwnEntries) -> Result<()> {
        for entry in entries.0 {
            let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(user_id, entry)));
            request.send().await.map_err(Error::aws("dynamodb:DeleteItem"))?;
        }
        Ok(())
    }

    /// Takes a lead out of every search, and with it `entries`, as actions of the transaction that deletes the lead.
    pub(crate) fn forget(
        &self,
        user_id: UserId,
        lead_id: LeadId,
        entries: OwnEntries,
    ) -> Result<Vec<TransactWriteItem>> {
        let mut actions = vec![self.forget_name(user_id, lead_id)?];
        for entry in entries.0.into_iter().chain([note_entry(lead_id)]) {
            actions.push(delete(Delete::builder().table_name(&self.table).set_key(Some(key(user_id, entry))))?);
        }
        Ok(actions)
    }

    /// Takes a lead's name out of its segment, as one action of a transaction.
    fn forget_name(&self, user_id: UserId, lead_id: LeadId) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key(user_id, name_entry(segment_of(lead_id)))))
                .update_expression("REMOVE #slot")
                .expression_attribute_names("#slot", slot_of(lead_id).to_string()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_entries_beyond_what_fits_are_the_first_ones() {
        let entries = || OwnEntries(["a", "b", "c"].map(str::to_owned).into());
        for (kept, surplus, rest) in
            [(0, &["a", "b", "c"][..], &[][..]), (2, &["a"], &["b", "c"]), (9, &[], &["a", "b", "c"])]
        {
            let mut entries = entries();
            assert_eq!(
                (entries.split_off_all_but(kept).0, entries.0),
                (surplus.iter().map(|s| (*s).to_owned()).collect(), rest.iter().map(|s| (*s).to_owned()).collect()),
                "{kept}"
            );
        }
    }
}
