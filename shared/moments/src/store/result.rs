//! `t_moment_sync_result`: one row per account of a task, with its result.

use std::borrow::Cow;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, row_id};
use serde::{Deserialize, Serialize};

use super::{put, seconds, update};
use crate::error::{Advice, UNCONFIRMED};
use crate::ids::AccountId;
use crate::status::ResultStatus;

const WHAT: &str = "moment result";

/// How far an account's publication has come, in more detail than its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// Waiting for its turn.
    Queued,
    /// A worker prepares its media.
    Claimed,
    /// The provider is being asked to publish.
    Sending,
    /// The provider has accepted it and works on it.
    Submitted,
    /// The member is asked to confirm in WeCom.
    WaitingMemberConfirm,
    Published,
    /// The provider's answer was lost; its own list is being consulted.
    Unconfirmed,
    /// Refused, or failed otherwise.
    Rejected,
    Cancelled,
}

impl Stage {
    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Claimed => "CLAIMED",
            Self::Sending => "SENDING",
            Self::Submitted => "SUBMITTED",
            Self::WaitingMemberConfirm => "WAITING_MEMBER_CONFIRM",
            Self::Published => "PUBLISHED",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// An account's row of a task.
#[derive(Debug, Clone, Deserialize)]
pub struct AccountResult {
    pub task_id: TaskId,
    pub account_id: AccountId,
    /// Its name when the task was made.
    #[serde(default)]
    pub account_name: String,
    pub status: ResultStatus,
    pub stage: Stage,
    /// How often a person has had it tried again.
    #[serde(default)]
    pub round: u32,
    /// The provider's id: there is one exactly when the status is SUCCESS.
    pub moment_id: Option<String>,
    /// The stable code of the failure.
    pub error_code: Option<String>,
    /// What happened and what to do, in Chinese.
    pub error_message: Option<String>,
    /// When it last changed.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub update_time: Timestamp,
}

impl AccountResult {
    /// Whether it failed without anybody's knowing if it was published.
    pub fn unconfirmed(&self) -> bool {
        self.status == ResultStatus::Failed && self.stage == Stage::Unconfirmed
    }
}

/// A state an account can be in. Illegal mixes (an id and an error) cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountState {
    Pending {
        /// How often a person has had it tried again.
        round: u32,
    },
    /// Under way, this far.
    Processing(Stage),
    /// To be sent again after all, by a delivery of this round that is there already.
    Requeued {
        round: u32,
    },
    Success {
        moment_id: String,
    },
    Failed {
        code: &'static str,
        /// What happened and what to do, in Chinese.
        message: Cow<'static, str>,
    },
    Cancelled,
}

impl AccountState {
    /// A failure that tells this.
    pub fn failed(advice: Advice) -> Self {
        Self::Failed { code: advice.code, message: advice.message }
    }

    /// The status it is counted as.
    pub const fn status(&self) -> ResultStatus {
        match self {
            Self::Pending { .. } => ResultStatus::Pending,
            Self::Processing(_) | Self::Requeued { .. } => ResultStatus::Processing,
            Self::Success { .. } => ResultStatus::Success,
            Self::Failed { .. } => ResultStatus::Failed,
            Self::Cancelled => ResultStatus::Cancelled,
        }
    }

    /// The stage it is shown at.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Pending { .. } | Self::Requeued { .. } => Stage::Queued,
            Self::Processing(stage) => *stage,
            Self::Success { .. } => Stage::Published,
            Self::Failed { code, .. } if *code == UNCONFIRMED => Stage::Unconfirmed,
            Self::Failed { .. } => Stage::Rejected,
            Self::Cancelled => Stage::Cancelled,
        }
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct ResultStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl ResultStore {
    /// The task's accounts, read consistently.
    pub async fn of_task(&self, task: TaskId) -> Result<Vec<AccountResult>> {
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
        let mut results = Vec::new();
        while let Some(item) = items.next().await {
            results.push(decode(WHAT, item.map_err(Error::aws("dynamodb:Query"))?)?);
        }
        Ok(results)
    }

    /// A new row, as one action of a transaction.
    pub(crate) fn create(
        &self,
        task: TaskId,
        account_id: &AccountId,
        name: &str,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        put(Put::builder()
            .table_name(&self.table)
            .item("id", n(row_id("t_moment_sync_result", &[&task.to_string(), account_id.as_str()])))
            .item("task_id", n(task))
            .item("account_id", s(account_id))
            .item("account_name", s(name))
            .item("status", s(ResultStatus::Pending.as_str()))
            .item("stage", s(Stage::Queued.as_str()))
            .item("create_time", seconds(now))
            .item("update_time", seconds(now)))
    }

    /// Puts an account into a state, as one action of a transaction that also moves the task's version.
    pub(crate) fn set(
        &self,
        task: TaskId,
        account_id: &AccountId,
        state: &AccountState,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let builder = Update::builder()
            .table_name(&self.table)
            .key("task_id", n(task))
            .key("account_id", s(account_id))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", s(state.status().as_str()))
            .expression_attribute_values(":stage", s(state.stage().as_str()))
            .expression_attribute_values(":now", seconds(now));
        const SET: &str = "SET #status = :status, stage = :stage, update_time = :now";
        update(match state {
            AccountState::Pending { round } | AccountState::Requeued { round } => builder
                .update_expression(format!("{SET}, round = :round REMOVE moment_id, error_code, error_message"))
                .expression_attribute_values(":round", n(round)),
            AccountState::Processing(_) | AccountState::Cancelled => {
                builder.update_expression(format!("{SET} REMOVE moment_id, error_code, error_message"))
            }
            AccountState::Success { moment_id } => builder
                .update_expression(format!("{SET}, moment_id = :id REMOVE error_code, error_message"))
                .expression_attribute_values(":id", s(moment_id)),
            AccountState::Failed { code, message } => builder
                .update_expression(format!("{SET}, error_code = :code, error_message = :message REMOVE moment_id"))
                .expression_attribute_values(":code", s(*code))
                .expression_attribute_values(":message", s(message.clone())),
        })
    }
}
