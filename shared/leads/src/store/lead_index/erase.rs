//! Taking everything out of the index that is about one lead.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::dynamo::{n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;

use super::{LeadIndexStore, key, merge_entry, note_entry};
use crate::ids::LeadId;
use crate::store::delete;
use crate::store::lead::Lead;

/// The prefixes of the entries of which a lead has any number: its history and the notes that people wrote.
const LISTS: [&str; 2] = ["edit", "followup"];

/// Deletions under way at once.
const SIDE_BY_SIDE: usize = 8;

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
    /// The entries of which a lead has any number, and those of all that were merged into it, read consistently. What tells
    /// of the merges comes last.
    pub(crate) async fn own_entries(&self, lead: &Lead) -> Result<OwnEntries> {
        let user_id = lead.user_id;
        let mut entries = Vec::new();
        let mut prefixes = Vec::new();
        for id in lead.merged.iter().chain([&lead.lead_id]) {
            prefixes.extend(LISTS.map(|list| format!("{list}#{:014}#", id.get())));
        }
        for prefix in prefixes {
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
        entries.extend(lead.merged.iter().copied().map(merge_entry));
        Ok(OwnEntries(entries))
    }

    /// Deletes entries, some side by side; who dies in between has the rest to be deleted by the next attempt.
    pub(crate) async fn delete_entries(&self, user_id: UserId, entries: OwnEntries) -> Result<()> {
        // Requests of their own: the compiler cannot prove that a future of borrowed ones is `Send` for every lifetime.
        let request = |entry| self.client.delete_item().table_name(&self.table).set_key(Some(key(user_id, entry)));
        let requests: Vec<_> = entries.0.into_iter().map(request).collect();
        stream::iter(requests)
            .map(|request| async move { request.send().await.map(|_| ()).map_err(Error::aws("dynamodb:DeleteItem")) })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    /// Takes a lead out of every search, and with it `entries`, as actions of the transaction that deletes the lead.
    pub(crate) fn forget(
        &self,
        user_id: UserId,
        lead_id: LeadId,
        entries: OwnEntries,
    ) -> Result<Vec<TransactWriteItem>> {
        let mut actions = self.rename(user_id, &[(lead_id, None)])?;
        actions.push(self.forget_note(user_id, lead_id)?);
        actions.extend(self.forget_entries(user_id, entries)?);
        Ok(actions)
    }

    /// Deletes entries, as one action of a transaction each.
    pub(crate) fn forget_entries(&self, user_id: UserId, entries: OwnEntries) -> Result<Vec<TransactWriteItem>> {
        let gone = |entry| delete(Delete::builder().table_name(&self.table).set_key(Some(key(user_id, entry))));
        entries.0.into_iter().map(gone).collect()
    }

    /// Takes the notes of a lead out of every search, as one action of a transaction.
    pub(crate) fn forget_note(&self, user_id: UserId, lead_id: LeadId) -> Result<TransactWriteItem> {
        delete(Delete::builder().table_name(&self.table).set_key(Some(key(user_id, note_entry(lead_id)))))
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
