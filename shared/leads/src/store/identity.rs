//! `t_lead_identity`: who a lead is. One row for each thing a person is known by: the open id of a fan.
//!
//! The key holds tenant, kind and value, so that finding somebody is one read by key, and of two transactions that make
//! the same person a lead one is refused. Other kinds get a word of their own beside [`DOUYIN_FAN`].

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use kernel::Clock;
use kernel::dynamo::{Item, batch_get, decode, n, s};
use kernel::error::Result;
use kernel::ids::UserId;
use serde::Deserialize;

use super::put;
use crate::ids::{LeadId, OpenId};

const WHAT: &str = "lead identity";

/// A fan, by the open id that Douyin gives them for our app.
const DOUYIN_FAN: &str = "DOUYIN_FAN";

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
    ) -> Result<Vec<LeadId>> {
        #[derive(Deserialize)]
        struct Row {
            lead_id: LeadId,
        }
        let keys = fans.into_iter().map(|fan| key(user_id, fan)).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row).map(|row: Row| row.lead_id)).collect()
    }

    /// That a fan is this lead, as one action of the transaction that makes the lead; refused when the fan is one already.
    pub(crate) fn claim(&self, user_id: UserId, fan: &OpenId, lead_id: LeadId) -> Result<TransactWriteItem> {
        put(Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(user_id, fan)))
            .item("user_id", n(user_id))
            .item("lead_id", n(lead_id))
            .condition_expression("attribute_not_exists(#identity)")
            .expression_attribute_names("#identity", "identity"))
    }
}

fn key(user_id: UserId, fan: &OpenId) -> Item {
    Item::from([("identity".to_owned(), s(format!("{user_id}#{DOUYIN_FAN}#{fan}")))])
}
