//! What people have written about a lead, note by note: `followup#<lead>#<version>`, under the version of the lead that the
//! note made. The lead's row has the newest one.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use kernel::caller::Actor;
use kernel::dynamo::{batch_get, decode, n, page_of_keys, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::page::{Page, PageRequest};
use serde::Deserialize;

use super::{LeadIndexStore, follow_up_entry, key};
use crate::ids::LeadId;
use crate::store::lead::Lead;
use crate::store::put;

const WHAT: &str = "lead index";

/// A note about a lead.
#[derive(Debug, Clone, Deserialize)]
pub struct FollowUp {
    /// The version of the lead that it made, by which it is known among the lead's notes.
    pub version: u64,
    pub text: String,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
    /// The tenant.
    pub created_by: UserId,
    /// Who of the tenant.
    pub actor_id: String,
    /// Their name at the time, if the token had one.
    pub actor_name: Option<String>,
}

impl FollowUp {
    /// The note that made this version of a lead, and is shown with it.
    pub(crate) fn newest(lead: &Lead, author: &Actor) -> Self {
        Self {
            version: lead.version,
            text: lead.notes.clone(),
            create_time: lead.update_time,
            created_by: lead.user_id,
            actor_id: author.id.clone(),
            actor_name: author.name.clone(),
        }
    }
}

impl LeadIndexStore {
    /// A page of the notes of a lead, newest first. One request reads them all, up to 1 MB, which is three hundred of the
    /// longest; only then is their number known.
    pub(crate) async fn follow_ups(
        &self,
        user_id: UserId,
        lead_id: LeadId,
        page: PageRequest,
    ) -> Result<Page<FollowUp>> {
        let all = format!("followup#{:014}#~", lead_id.get());
        let request = self.between(user_id, follow_up_entry(lead_id, 0), all);
        let request = request.consistent_read(true).scan_index_forward(false);
        let (rows, total) = page_of_keys(request, page.offset(), page.size).await?;
        let notes = rows.into_iter().map(|row| decode(WHAT, row)).collect::<Result<_>>()?;
        Ok(page.answer(notes, total))
    }

    /// When the newest note of a lead was written, which is the one that is shown with it; `None` when there is none. Read
    /// consistently.
    pub(crate) async fn noted_at(&self, user_id: UserId, lead_id: LeadId) -> Result<Option<Timestamp>> {
        let all = format!("followup#{:014}#~", lead_id.get());
        let answer = self
            .between(user_id, follow_up_entry(lead_id, 0), all)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(Error::aws("dynamodb:Query"))?;
        let newest = answer.items.unwrap_or_default().pop().map(|row| decode::<FollowUp>(WHAT, row)).transpose()?;
        Ok(newest.map(|note| note.create_time))
    }

    /// One note of a lead.
    pub(crate) async fn follow_up(&self, user_id: UserId, lead_id: LeadId, version: u64) -> Result<Option<FollowUp>> {
        let keys = vec![key(user_id, follow_up_entry(lead_id, version))];
        let row = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?.pop();
        row.map(|row| decode(WHAT, row)).transpose()
    }

    /// Adds a note, as one action of the transaction that makes the version of the lead that it is known by.
    pub(crate) fn add_follow_up(&self, lead_id: LeadId, note: &FollowUp) -> Result<TransactWriteItem> {
        let mut builder = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(note.created_by, follow_up_entry(lead_id, note.version))))
            .item("version", n(note.version))
            .item("text", s(&note.text))
            .item("create_time", seconds(note.create_time))
            .item("created_by", n(note.created_by))
            .item("actor_id", s(&note.actor_id));
        if let Some(name) = &note.actor_name {
            builder = builder.item("actor_name", s(name));
        }
        put(builder)
    }
}
