//! `t_moment_claim`: which delivery a provider's post belongs to. Two deliveries may ask for the same words by the same
//! people, and then a post alone does not tell whose it is; but it is only ever told as one delivery's.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::delivery::DeliveryKey;
use super::{seconds, update};
use crate::provider::Provider;

const WHAT: &str = "moment claim";

/// How a delivery came to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ClaimOrigin {
    /// The provider named it in answer to the delivery's own call.
    Answered,
    /// It was found in the provider's list after the answer was lost.
    Found,
}

impl ClaimOrigin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "ANSWERED",
            Self::Found => "FOUND",
        }
    }
}

/// A post, and the delivery it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claim {
    /// `moment:<provider>:<id>`.
    pub claim_key: String,
    /// The delivery: `<task>/<delivery>`.
    pub delivery: String,
    pub user_id: UserId,
    /// How it came to it.
    pub how: ClaimOrigin,
}

impl Claim {
    pub fn delivery_key(&self) -> Option<DeliveryKey<'_>> {
        DeliveryKey::parse(&self.delivery)
    }
}

/// The key of a provider's post.
pub fn claim_key(provider: Provider, id: &str) -> String {
    format!("moment:{provider}:{id}")
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct ClaimStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl ClaimStore {
    /// Whose the post is, read consistently.
    pub async fn get(&self, claim_key: &str) -> Result<Option<Claim>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("claim_key", s(claim_key))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// Claims the post, as one action of the transaction that tells it: refused when another delivery has it. A claim
    /// may be written again, and what was ANSWERED stays so.
    pub(crate) fn put(&self, claim: &Claim, now: Timestamp) -> Result<TransactWriteItem> {
        let how = if claim.how == ClaimOrigin::Answered { ":how" } else { "if_not_exists(how, :how)" };
        update(
            self.row(claim, now)
                .condition_expression("attribute_not_exists(delivery) OR delivery = :delivery")
                .update_expression(set(how)),
        )
    }

    /// Takes the post from a delivery that only found it, as one action of the transaction that sends that one back.
    pub(crate) fn take_over(&self, claim: &Claim, from: &Claim, now: Timestamp) -> Result<TransactWriteItem> {
        update(
            self.row(claim, now)
                .condition_expression("delivery = :from AND how = :found")
                .update_expression(set(":how"))
                .expression_attribute_values(":from", s(&from.delivery))
                .expression_attribute_values(":found", s(ClaimOrigin::Found.as_str())),
        )
    }

    fn row(&self, claim: &Claim, now: Timestamp) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("claim_key", s(&claim.claim_key))
            .expression_attribute_values(":delivery", s(&claim.delivery))
            .expression_attribute_values(":user", n(claim.user_id))
            .expression_attribute_values(":how", s(claim.how.as_str()))
            .expression_attribute_values(":now", seconds(now))
    }
}

fn set(how: &str) -> String {
    format!("SET delivery = :delivery, user_id = :user, how = {how}, create_time = if_not_exists(create_time, :now)")
}
