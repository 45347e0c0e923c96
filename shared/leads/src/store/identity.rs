//! `t_lead_identity`: who a lead is. One row for each thing a person is known by: the open id of a fan.
//!
//! The key holds tenant, kind and value, so that finding somebody is one read by key, and of two transactions that make
//! the same person a lead one is refused. Other kinds get a word of their own beside [`DOUYIN_FAN`].
//!
//! Of an erased person the row goes, and one of kind [`ERASED`] stays, whose value is a keyed hash: it tells a sync that it
//! meets them again, and nobody else who they were.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use kernel::Clock;
use kernel::dynamo::{Item, batch_get, decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::{delete, put, update};
use crate::ids::{LeadId, OpenId};

const WHAT: &str = "lead identity";

/// A fan, by the open id that Douyin gives them for our app.
const DOUYIN_FAN: &str = "DOUYIN_FAN";

/// Somebody who was erased, by the hash of what they were known by.
const ERASED: &str = "ERASED";

/// The lead of a fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FanLead {
    /// The lead that stands for them.
    pub lead_id: LeadId,
    /// The lead that was made of them, which may have been merged into that one since. No other fan has the same.
    pub own: LeadId,
}

/// The hash of what an erased person was known by; see [`crate::suppression`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ErasedHash(pub(crate) String);

/// Access to the table.
#[derive(Debug, Clone)]
pub struct LeadIdentityStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

impl LeadIdentityStore {
    /// Which leads these fans are, read consistently; fans that are none have no part in the answer.
    pub(crate) async fn leads_of<'a>(
        &self,
        user_id: UserId,
        fans: impl IntoIterator<Item = &'a OpenId>,
    ) -> Result<Vec<(OpenId, FanLead)>> {
        let keys = fans.into_iter().map(|fan| fan_key(user_id, fan)).collect();
        let found = self.found(user_id, DOUYIN_FAN, keys).await?;
        let leads = found.into_iter().map(|(fan, lead)| Ok((fan.try_into().map_err(|_| Error::Corrupt(WHAT))?, lead)));
        leads.collect()
    }

    /// Which of these hashes belong to people who were erased, and what lead each of them was, read consistently.
    pub(crate) async fn erased<'a>(
        &self,
        user_id: UserId,
        hashes: impl IntoIterator<Item = &'a ErasedHash>,
    ) -> Result<HashMap<ErasedHash, LeadId>> {
        let keys = hashes.into_iter().map(|hash| erased_key(user_id, hash)).collect();
        let found = self.found(user_id, ERASED, keys).await?;
        Ok(found.into_iter().map(|(hash, lead)| (ErasedHash(hash), lead.own)).collect())
    }

    /// The rows of one kind at these keys: value and lead.
    async fn found(&self, user_id: UserId, kind: &str, keys: Vec<Item>) -> Result<Vec<(String, FanLead)>> {
        #[derive(Deserialize)]
        struct Row {
            identity: String,
            lead_id: LeadId,
            own_lead_id: Option<LeadId>,
        }
        let prefix = format!("{user_id}#{kind}#");
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        let found = rows.into_iter().map(|row| {
            let Row { identity, lead_id, own_lead_id } = decode(WHAT, row)?;
            let lead = FanLead { lead_id, own: own_lead_id.unwrap_or(lead_id) };
            Ok((identity.strip_prefix(&prefix).ok_or(Error::Corrupt(WHAT))?.to_owned(), lead))
        });
        found.collect()
    }

    /// That a fan is this lead, as one action of the transaction that makes the lead; refused when the fan is one already.
    pub(crate) fn claim(&self, user_id: UserId, fan: &OpenId, lead_id: LeadId) -> Result<TransactWriteItem> {
        put(Put::builder()
            .table_name(&self.table)
            .set_item(Some(fan_key(user_id, fan)))
            .item("user_id", n(user_id))
            .item("lead_id", n(lead_id))
            .condition_expression("attribute_not_exists(#identity)")
            .expression_attribute_names("#identity", "identity"))
    }

    /// That a fan is the lead `to` and no longer `from`, as one action of the transaction that merges or splits them.
    pub(crate) fn hand_over(
        &self,
        user_id: UserId,
        fan: &OpenId,
        from: LeadId,
        to: LeadId,
    ) -> Result<TransactWriteItem> {
        let change = Update::builder()
            .table_name(&self.table)
            .set_key(Some(fan_key(user_id, fan)))
            .condition_expression("lead_id = :from")
            .update_expression("SET lead_id = :to, own_lead_id = if_not_exists(own_lead_id, :from)");
        update(change.expression_attribute_values(":from", n(from)).expression_attribute_values(":to", n(to)))
    }

    /// That a fan is no lead any more, as one action of the transaction that deletes the lead; refused when the fan is another
    /// lead by now.
    pub(crate) fn forget(&self, user_id: UserId, fan: &OpenId, lead_id: LeadId) -> Result<TransactWriteItem> {
        delete(
            Delete::builder()
                .table_name(&self.table)
                .set_key(Some(fan_key(user_id, fan)))
                .condition_expression("lead_id = :lead")
                .expression_attribute_values(":lead", n(lead_id)),
        )
    }

    /// That the person of a lead was erased, as actions of the transaction that deletes the lead: what they were known by
    /// goes, its hash stays. Refused when the fan is another lead by now.
    pub(crate) fn erase(
        &self,
        user_id: UserId,
        fan: &OpenId,
        hash: &ErasedHash,
        FanLead { lead_id, own }: FanLead,
    ) -> Result<[TransactWriteItem; 2]> {
        let stays = Put::builder()
            .table_name(&self.table)
            .set_item(Some(erased_key(user_id, hash)))
            .item("user_id", n(user_id))
            .item("lead_id", n(own));
        Ok([self.forget(user_id, fan, lead_id)?, put(stays)?])
    }
}

fn fan_key(user_id: UserId, fan: &OpenId) -> Item {
    key(user_id, DOUYIN_FAN, fan.as_str())
}

fn erased_key(user_id: UserId, hash: &ErasedHash) -> Item {
    key(user_id, ERASED, &hash.0)
}

fn key(user_id: UserId, kind: &str, value: &str) -> Item {
    Item::from([("identity".to_owned(), s(format!("{user_id}#{kind}#{value}")))])
}
