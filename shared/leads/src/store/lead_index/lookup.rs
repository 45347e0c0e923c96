//! Reading the index.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::try_join;
use jiff::Timestamp;
use kernel::dynamo::{Item, decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::segment::NameEntry;
use super::{
    Counter, LeadIndexStore, SEGMENT_LEADS, edit_entry, key, lead_at, name_entry, note_entry, segment_of,
    time_marker_entry,
};
use crate::ids::{LeadId, OpenId};
use crate::store::lead::LeadStatus;

const WHAT: &str = "lead index";

/// How often counter and accounts are read until they fit each other. A second time is enough, unless an account is met for the
/// first time just then.
const READS: u32 = 5;

/// The ids `first` to `last`; none when `last < first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest lead id.
    pub first: u64,
    pub last: u64,
}

impl Bounds {
    /// How many ids these are, whether they all stand for a lead or not.
    pub fn count(self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }
}

/// Whether a read may lag behind the writes. One that may costs half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It sees every write that came before it.
    Consistent,
    /// It may miss the newest.
    Eventual,
}

/// One change of a lead by a person.
#[derive(Debug, Clone, Deserialize)]
pub struct EditRecord {
    /// The version it made.
    pub version: u64,
    pub edited_by: UserId,
    /// Who of the tenant; absent in rows from before it was noted.
    pub actor_id: Option<String>,
    /// Their name at the time, if the token had one.
    pub actor_name: Option<String>,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub edited_at: Timestamp,
    pub from_status: LeadStatus,
    pub to_status: LeadStatus,
    /// Whether the notes changed too.
    pub notes_changed: bool,
    /// Whose the lead was, if it changed hands; empty for nobody's.
    pub from_owner: Option<String>,
    /// Whose it is since; empty for nobody's.
    pub to_owner: Option<String>,
}

/// What a search sees of one lead.
#[derive(Debug)]
pub(crate) struct IndexedLead {
    pub lead_id: LeadId,
    pub entry: NameEntry,
}

/// The accounts met.
#[derive(Default, Deserialize)]
struct Accounts {
    accounts: Vec<OpenId>,
}

impl LeadIndexStore {
    /// The tenant's counter, read consistently; zero for a tenant without leads.
    pub async fn counter(&self, user_id: UserId) -> Result<Counter> {
        // Accounts are only ever added, in the transaction that counts them. So of a list that is read at another instant than the
        // counter the beginning is what there was at the counter's; a list that is older than the counter is read again.
        for _ in 0..READS {
            // Boxed: whoever reads a list carries both otherwise.
            let entries =
                Box::pin(async { try_join!(self.entry(user_id, "counter"), self.entry(user_id, "accounts")) });
            let (row, accounts) = entries.await?;
            let Some(row) = row else { return Ok(Counter::default()) };
            let mut counter: Counter = decode(WHAT, row)?;
            let Accounts { mut accounts } =
                accounts.map_or_else(|| Ok(Accounts::default()), |row| decode(WHAT, row))?;
            if accounts.len() >= counter.account_count {
                accounts.truncate(counter.account_count);
                counter.accounts = accounts;
                return Ok(counter);
            }
        }
        Err(Error::Corrupt(WHAT))
    }

    /// The same without the accounts met: to be read, and not to be written.
    pub(crate) async fn counter_alone(&self, user_id: UserId) -> Result<Counter> {
        let row = Box::pin(self.entry(user_id, "counter")).await?;
        row.map_or_else(|| Ok(Counter::default()), |row| decode(WHAT, row))
    }

    async fn entry(&self, user_id: UserId, entry: &str) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(user_id, entry)));
        let answer = request.consistent_read(true).send().await.map_err(Error::aws("dynamodb:GetItem"))?;
        Ok(answer.item)
    }

    /// The first lead acquired at or after `time`.
    pub(crate) async fn first_since(&self, user_id: UserId, time: Timestamp) -> Result<Option<u64>> {
        self.nearest_mark(user_id, (time_marker_entry(time), "mark#~".to_owned()), true, "first_lead_id").await
    }

    /// The last lead acquired at or before `time`.
    pub(crate) async fn last_until(&self, user_id: UserId, time: Timestamp) -> Result<Option<u64>> {
        self.nearest_mark(user_id, ("mark#".to_owned(), time_marker_entry(time)), false, "last_lead_id").await
    }

    async fn nearest_mark(
        &self,
        user_id: UserId,
        (from, to): (String, String),
        forward: bool,
        attribute: &str,
    ) -> Result<Option<u64>> {
        let answer = self
            .between(user_id, from, to)
            .scan_index_forward(forward)
            .limit(1)
            .send()
            .await
            .map_err(Error::aws("dynamodb:Query"))?;
        let Some(mark) = answer.items.unwrap_or_default().pop() else { return Ok(None) };
        let number = mark.get(attribute).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
        number.map(Some).ok_or(Error::Corrupt(WHAT))
    }

    /// The ids, among those in `bounds`, of leads whose folded notes contain `keyword`.
    pub(crate) async fn search_notes(&self, user_id: UserId, bounds: Bounds, keyword: &str) -> Result<HashSet<LeadId>> {
        let mut found = HashSet::new();
        self.each(
            user_id,
            (note_entry(LeadId::new(bounds.first)), note_entry(LeadId::new(bounds.last))),
            Freshness::Eventual,
            |row| {
                let id = row
                    .get("entry")
                    .and_then(|entry| entry.as_s().ok())
                    .and_then(|entry| entry.strip_prefix("note#"))
                    .and_then(|id| id.parse().ok())
                    .map(LeadId::new)
                    .ok_or(Error::Corrupt(WHAT))?;
                if text(&row, "text").is_some_and(|notes| notes.contains(keyword)) {
                    found.insert(id);
                }
                Ok(())
            },
        )
        .await?;
        Ok(found)
    }

    /// Visits the leads of `bounds`, in no particular order.
    pub(crate) async fn sightings(
        &self,
        user_id: UserId,
        bounds: Bounds,
        freshness: Freshness,
        mut visit: impl FnMut(IndexedLead),
    ) -> Result<()> {
        let (from, to) = (segment_of(LeadId::new(bounds.first)), segment_of(LeadId::new(bounds.last)));
        self.each(user_id, (name_entry(from), name_entry(to)), freshness, |row| {
            let segment: u64 = text(&row, "entry")
                .and_then(|entry| entry.strip_prefix("name#"))
                .and_then(|segment| segment.parse().ok())
                .ok_or(Error::Corrupt(WHAT))?;
            for slot in 0..SEGMENT_LEADS {
                let lead_id = lead_at(segment, slot);
                if !(bounds.first..=bounds.last).contains(&lead_id.get()) {
                    continue;
                }
                let Some(entry) = text(&row, &slot.to_string()) else { continue };
                let entry = NameEntry::decode(entry).ok_or(Error::Corrupt(WHAT))?;
                visit(IndexedLead { lead_id, entry });
            }
            Ok(())
        })
        .await
    }

    /// A lead's history, newest first.
    pub async fn edits(&self, user_id: UserId, lead_id: LeadId) -> Result<Vec<EditRecord>> {
        let mut edits = Vec::new();
        self.each(
            user_id,
            (edit_entry(lead_id, 0), format!("edit#{:014}#~", lead_id.get())),
            Freshness::Eventual,
            |row| {
                edits.push(decode(WHAT, row)?);
                Ok(())
            },
        )
        .await?;
        edits.reverse();
        Ok(edits)
    }

    /// When a person last changed a lead; `None` when nobody ever did. Read consistently.
    pub(crate) async fn edited_at(&self, user_id: UserId, lead_id: LeadId) -> Result<Option<Timestamp>> {
        let answer = self
            .between(user_id, edit_entry(lead_id, 0), format!("edit#{:014}#~", lead_id.get()))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(Error::aws("dynamodb:Query"))?;
        let newest = answer.items.unwrap_or_default().pop().map(|row| decode::<EditRecord>(WHAT, row)).transpose()?;
        Ok(newest.map(|edit| edit.edited_at))
    }

    pub(super) async fn each(
        &self,
        user_id: UserId,
        (from, to): (String, String),
        freshness: Freshness,
        mut visit: impl FnMut(Item) -> Result<()>,
    ) -> Result<()> {
        let mut start = None;
        loop {
            let answer = self
                .between(user_id, from.clone(), to.clone())
                .consistent_read(freshness == Freshness::Consistent)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(Error::aws("dynamodb:Query"))?;
            for row in answer.items.unwrap_or_default() {
                visit(row)?;
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) fn between(
        &self,
        user_id: UserId,
        from: String,
        to: String,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("user_id = :user AND entry BETWEEN :from AND :to")
            .expression_attribute_values(":user", n(user_id))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s(to))
    }
}

fn text<'a>(row: &'a Item, attribute: &str) -> Option<&'a str> {
    row.get(attribute).map(AttributeValue::as_s)?.ok().map(String::as_str)
}
