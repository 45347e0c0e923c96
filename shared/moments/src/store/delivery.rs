//! `t_moment_publish_unit`: one provider call each. A delivery is a personal account, or all chosen members of a company.
//!
//! Its stage is the fence of "never twice": SENDING is written before the one call that cannot be taken back, and a
//! delivery found in SENDING is never sent again.

mod change;
mod key;
mod overdue;
mod repair;
mod wait;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::due;
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use kernel::lease::Lease;
use serde::{Deserialize, Serialize};

pub(crate) use change::DeliveryChange;
use change::{Expression, written};
pub use key::DeliveryKey;
pub(crate) use key::{NewDelivery, Sender};
pub use repair::Repair;
pub use wait::WaitReason;

use super::result::AccountResult;
use super::{condition_held, milliseconds, put, update};
use crate::ids::{AccountId, CorpKey};
use crate::provider::Provider;

const WHAT: &str = "publish delivery";

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStage {
    /// Nothing was sent: it may be begun, and begun again.
    Queued,
    /// The call is under way, or its worker died in it.
    Sending,
    /// The outcome of the call is not known: only reading back can tell.
    Unconfirmed,
    /// The provider has named the post, and its id is on this row; it is not told for the accounts yet.
    Answered,
    /// WeCom has taken the job; its result is polled.
    Submitted,
    /// WeCom has made the task; its members are asked to confirm.
    Waiting,
    Done,
}

impl DeliveryStage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Sending => "SENDING",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Answered => "ANSWERED",
            Self::Submitted => "SUBMITTED",
            Self::Waiting => "WAITING",
            Self::Done => "DONE",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Delivery {
    pub task_id: TaskId,
    /// Its name within the task: account or company, and round.
    pub delivery: String,
    pub user_id: UserId,
    /// Who is asked to publish it.
    #[serde(rename = "account_type")]
    pub provider: Provider,
    /// The company; absent for a personal account.
    pub corp_key: Option<CorpKey>,
    /// The accounts it publishes for.
    pub account_ids: Vec<AccountId>,
    /// A company's: the same accounts' members, in the same order. Kept here, because an account may be disconnected
    /// while its member is still asked to publish.
    #[serde(default)]
    pub member_ids: Vec<String>,
    /// A company's: the members that the call asked, written with SENDING. Its moment is recognised by them.
    #[serde(default)]
    pub asked_member_ids: Vec<String>,
    /// A company's: the digests of the media that the call showed, written with SENDING. WeCom may say only later that it
    /// does not know their uploads any more.
    #[serde(default)]
    pub upload_hashes: Vec<String>,
    /// What was replaced for it after a refusal.
    #[serde(default)]
    pub repaired: Vec<Repair>,
    /// How far it has come.
    pub stage: DeliveryStage,
    /// Who works on it.
    pub lease_owner: Option<String>,
    /// How often it was taken up for what it does now; one more for each claim whose answer was lost.
    #[serde(default)]
    pub attempts: u32,
    /// When it was made.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::required")]
    pub create_time: Timestamp,
    /// Since when it is wanted: when its task was to begin, or was tried again.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub wanted_at: Timestamp,
    /// When it may be taken up; absent once it is done.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    pub next_action_at: Option<Timestamp>,
    /// How many messages the sweeper has sent since it was last taken up.
    #[serde(default)]
    pub resends: u32,
    /// Why not before, where its stage does not say it.
    #[serde(default)]
    pub waits_for: Option<WaitReason>,
    /// When the call was begun.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub sending_at: Timestamp,
    pub job_id: Option<String>,
    /// The provider's post: WeCom's moment, or a person's.
    pub moment_id: Option<String>,
    /// A company's: the members that WeCom did not take, written with the moment's id.
    #[serde(default)]
    pub refused_member_ids: Vec<String>,
    /// Until when members may confirm.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub confirm_until: Timestamp,
    /// A person has looked and wants it sent again, if it does not show when the provider is read once more.
    #[serde(default)]
    pub resend_if_absent: bool,
    /// And also if nothing can show whether it is out: that person takes the risk of a second post.
    #[serde(default)]
    pub resend_if_blind: bool,
    /// Since when its post is looked for: since its answer was lost, or that person asked.
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub sought_since: Timestamp,
    /// Its user has stopped it after it was sent, or while it was: nothing more of it is to go out.
    #[serde(default)]
    pub stop_requested: bool,
}

impl Delivery {
    /// The member of the company that an account is.
    pub fn member_of(&self, account_id: &AccountId) -> Option<&str> {
        let place = self.account_ids.iter().position(|id| id == account_id)?;
        self.member_ids.get(place).map(String::as_str)
    }

    /// The round it is of, which is part of its name: an account that is tried again is in a delivery of a later one.
    pub fn round(&self) -> u32 {
        self.delivery.rsplit_once('#').and_then(|(_, round)| round.parse().ok()).unwrap_or_default()
    }

    pub fn key(&self) -> DeliveryKey<'_> {
        DeliveryKey { task_id: self.task_id, delivery: &self.delivery }
    }

    /// Whether what the account's row tells is this delivery's doing, and not that of another round.
    pub fn serves(&self, result: &AccountResult) -> bool {
        result.round == self.round() && self.account_ids.contains(&result.account_id)
    }

    /// The members that were asked. A row from before they were noted asked all it has.
    pub fn asked(&self) -> &[String] {
        if self.asked_member_ids.is_empty() { &self.member_ids } else { &self.asked_member_ids }
    }

    /// Whether the call asked the account to publish, which a person's always does.
    pub fn has_asked(&self, account_id: &AccountId) -> bool {
        let member = self.member_of(account_id);
        member.is_none_or(|member| self.asked().iter().any(|asked| asked.eq_ignore_ascii_case(member)))
    }

    /// Whether it may be publishing at `now`, or may have published without its post being told as its own.
    pub fn undecided(&self, now: Timestamp) -> bool {
        match self.stage {
            DeliveryStage::Sending | DeliveryStage::Unconfirmed | DeliveryStage::Answered => true,
            DeliveryStage::Queued => self.lease_owner.is_some() && self.next_action_at.is_some_and(|end| end > now),
            DeliveryStage::Submitted | DeliveryStage::Waiting | DeliveryStage::Done => false,
        }
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct DeliveryStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl DeliveryStore {
    /// The delivery, read consistently.
    pub async fn get(&self, key: DeliveryKey<'_>) -> Result<Option<Delivery>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("task_id", n(key.task_id))
            .key("delivery", s(key.delivery))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode(WHAT, item)).transpose()
    }

    /// The task's deliveries, read consistently.
    pub async fn of_task(&self, task: TaskId) -> Result<Vec<Delivery>> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("task_id = :task")
            .expression_attribute_values(":task", n(task))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut deliveries = Vec::new();
        while let Some(item) = items.next().await {
            deliveries.push(decode(WHAT, item.map_err(Error::aws("dynamodb:Query"))?)?);
        }
        Ok(deliveries)
    }

    /// A new delivery, as one action of the transaction that hands its accounts to it.
    pub(crate) fn create(&self, new: &NewDelivery<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let row = Put::builder().table_name(&self.table).set_item(Some(new.row(now)));
        put(row.condition_expression("attribute_not_exists(task_id)"))
    }

    /// Takes the delivery up with this lease. `None`: it is done, somebody holds it, or its time has not come. An owner is
    /// new with every lease, so finding it in the row already is the SDK's retry of a lost answer.
    pub async fn claim(&self, key: DeliveryKey<'_>, lease: &Lease) -> Result<Option<Delivery>> {
        let outcome = self
            .alone(key)
            .condition_expression("next_action_at <= :now OR lease_owner = :owner")
            .update_expression(
                "SET lease_owner = :owner, next_action_at = :lease_end REMOVE resend_after, resends ADD attempts :one",
            )
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":now", milliseconds(lease.taken_at()))
            .expression_attribute_values(":lease_end", milliseconds(lease.end()))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match outcome {
            Ok(answer) => decode(WHAT, answer.attributes.unwrap_or_default()).map(Some),
            Err(error) => condition_held::<(), _, _>(Err(error), "dynamodb:UpdateItem").map(|_| None),
        }
    }

    /// Changes the delivery, as one action of a transaction: refused unless `lease` holds it in the stage it was read in.
    pub(crate) fn advance(
        &self,
        delivery: &Delivery,
        lease: &Lease,
        change: &DeliveryChange,
    ) -> Result<TransactWriteItem> {
        let Expression { update: expression, values } = written(delivery, lease, change);
        update(
            self.row(delivery)
                .condition_expression("lease_owner = :owner AND stage = :seen")
                .update_expression(expression)
                .set_expression_attribute_values(Some(values)),
        )
    }

    /// Changes the delivery's row alone, so that nothing but another holder of the delivery can be in the way. `false`: `lease`
    /// does not hold it any more. It may be repeated: what it has written before does not refuse it.
    pub(crate) async fn note(&self, delivery: &Delivery, lease: &Lease, change: &DeliveryChange) -> Result<bool> {
        let Expression { update, values } = written(delivery, lease, change);
        let outcome = self
            .alone(delivery.key())
            .condition_expression("lease_owner = :owner AND stage IN (:seen, :stage)")
            .update_expression(update)
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Calls the delivery off, as one action of a transaction: refused when anything was or may have been sent.
    pub(crate) fn cancel(&self, delivery: &Delivery) -> Result<TransactWriteItem> {
        update(
            self.row(delivery)
                .condition_expression("stage = :queued")
                .update_expression("SET stage = :done REMOVE lease_owner, due_shard, next_action_at, waits_for")
                .expression_attribute_values(":queued", s(DeliveryStage::Queued.as_str()))
                .expression_attribute_values(":done", s(DeliveryStage::Done.as_str())),
        )
    }

    /// Notes that the delivery's user has stopped it, as one action of a transaction. It is due now, and whoever works on it
    /// loses it, for all that one does can be done again; but a call under way keeps its worker, who alone will know its
    /// answer.
    pub(crate) fn stop(&self, delivery: &Delivery, now: Timestamp) -> Result<TransactWriteItem> {
        let row = self
            .row(delivery)
            .condition_expression("stage = :seen")
            .expression_attribute_values(":seen", s(delivery.stage.as_str()))
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        update(if delivery.stage == DeliveryStage::Sending {
            row.update_expression("SET stop_requested = :true")
        } else {
            row.update_expression(
                "SET stop_requested = :true, next_action_at = :now REMOVE lease_owner, waits_for, resend_after, resends",
            )
            .expression_attribute_values(":now", milliseconds(now))
        })
    }

    /// Takes a delivery that ended without anybody's knowing back to `stage`, to be sent again if it does not show, as one
    /// action of a transaction. `risk` says whether it is sent also if nothing can show whether it is out.
    pub(crate) fn reopen(
        &self,
        delivery: &Delivery,
        stage: DeliveryStage,
        risk: bool,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        update(
            self.row(delivery)
                .condition_expression("stage = :done")
                .update_expression(
                    "SET stage = :stage, attempts = :zero, due_shard = :shard, next_action_at = :now, \
                     sought_since = :now, resend_if_absent = :true, resend_if_blind = :risk \
                     REMOVE stop_requested, resend_after, resends",
                )
                .expression_attribute_values(":done", s(DeliveryStage::Done.as_str()))
                .expression_attribute_values(":stage", s(stage.as_str()))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":shard", s(shard(delivery.key())))
                .expression_attribute_values(":now", milliseconds(now))
                .expression_attribute_values(":risk", AttributeValue::Bool(risk))
                .expression_attribute_values(":true", AttributeValue::Bool(true)),
        )
    }

    /// Sends the delivery back to `stage`, where nothing is known of its post, which it had taken another's for, as one action
    /// of a transaction. Whoever works on it loses it.
    pub(crate) fn send_back(
        &self,
        delivery: &Delivery,
        stage: DeliveryStage,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        update(
            self.row(delivery)
                .condition_expression("stage = :seen")
                .update_expression(
                    "SET stage = :stage, attempts = :zero, due_shard = :shard, next_action_at = :now, \
                     sought_since = :now REMOVE lease_owner, moment_id, refused_member_ids, confirm_until, waits_for, resend_after, resends",
                )
                .expression_attribute_values(":seen", s(delivery.stage.as_str()))
                .expression_attribute_values(":stage", s(stage.as_str()))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":shard", s(shard(delivery.key())))
                .expression_attribute_values(":now", milliseconds(now)),
        )
    }

    /// An update of the row by itself.
    fn alone(&self, key: DeliveryKey<'_>) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("task_id", n(key.task_id))
            .key("delivery", s(key.delivery))
    }

    /// An update of the row as one action of a transaction.
    fn row(&self, delivery: &Delivery) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("task_id", n(delivery.task_id))
            .key("delivery", s(&delivery.delivery))
    }
}

fn shard(key: DeliveryKey<'_>) -> String {
    due::shard_of_text(&format!("{}{}", key.task_id, key.delivery))
}
