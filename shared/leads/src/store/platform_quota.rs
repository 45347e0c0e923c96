//! `t_platform_quota`: what Douyin lets our app ask of fan lists. One row for all, and one for each tenant and day. The
//! first also says whether our app lacks the capability.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;
use kernel::dynamo::{decode, milliseconds, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::{TaskId, UserId};
use kernel::instant::after;
use serde::Deserialize;

use super::condition_held;
use super::sync_task::WaitReason;

/// The scope whose quota it is; Douyin counts each scope by itself.
const SCOPE: &str = "douyin#fans.list";
/// A tenant's row of a day is of no use after the next one.
const KEPT_DAYS: i64 = 2;
const DAY: i64 = 86_400;
/// How long an app that lacks the capability does not ask again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(86_400);

/// Until when nobody needs to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Closure {
    #[serde(rename = "closed_until", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub until: Timestamp,
    #[serde(rename = "closed_for")]
    pub reason: WaitReason,
}

/// Our app may not list fans: Douyin has said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct MissingCapability {
    /// When it is asked again.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub ask_again_at: Timestamp,
    /// The sync to which Douyin said it first.
    found_by: TaskId,
    /// The sync that asks, or asked last, whether it still is so.
    asked_by: Option<TaskId>,
}

impl MissingCapability {
    /// Whether nobody needs to ask at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.ask_again_at > now
    }

    /// Whether this sync may ask at `now`: the day is over, or it was the one and did not get to an end, as when its
    /// worker died or it had to wait.
    pub(crate) fn may_be_asked_by(&self, task: TaskId, now: Timestamp) -> bool {
        !self.holds(now) || self.asked_by == Some(task) || self.found_by == task
    }
}

/// What the row of the app says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppQuota {
    /// The closure that still holds.
    pub closure: Option<Closure>,
    /// Present while our app is known to lack the capability.
    pub missing: Option<MissingCapability>,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct PlatformQuotaStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl PlatformQuotaStore {
    /// What holds at `now`. Read as it was up to a second ago: half the price, and who reads it too late is told by
    /// Douyin.
    pub async fn app(&self, now: Timestamp) -> Result<AppQuota> {
        #[derive(Deserialize, Default)]
        struct Row {
            #[serde(flatten)]
            closure: Option<Closure>,
            #[serde(flatten)]
            missing: Option<MissingCapability>,
        }
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("name", s(SCOPE))
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let row: Row = answer.item.map(|item| decode("platform quota", item)).transpose()?.unwrap_or_default();
        Ok(AppQuota { closure: row.closure.filter(|closure| closure.until > now), missing: row.missing })
    }

    /// Notes that Douyin told `task` that our app lacks the capability. `true`: it is news. Also to the task that found it
    /// and notes it again, because the first answer was lost or its worker died before it could tell anybody.
    pub async fn note_missing_capability(&self, task: TaskId, now: Timestamp) -> Result<bool> {
        let outcome = self
            .update_app()
            .condition_expression("attribute_not_exists(found_by) OR found_by = :task")
            .update_expression("SET found_by = :task, missing_since = :now, ask_again_at = :again")
            .expression_attribute_values(":task", n(task))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":again", seconds(after(now, ASK_AGAIN_AFTER)))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Whether `task` is the one that asks Douyin for all if our app still lacks the capability; then the others do not
    /// for a day.
    pub async fn claim_capability_question(&self, task: TaskId, now: Timestamp) -> Result<bool> {
        let outcome = self
            .update_app()
            .condition_expression("ask_again_at <= :now OR asked_by = :task OR found_by = :task")
            .update_expression("SET ask_again_at = :again, asked_by = :task")
            .expression_attribute_values(":task", n(task))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":again", seconds(after(now, ASK_AGAIN_AFTER)))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    fn update_app(&self) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("name", s(SCOPE))
    }

    /// Notes that our app may list fans after all.
    pub async fn forget_missing_capability(&self) -> Result<()> {
        self.update_app()
            .update_expression("REMOVE found_by, missing_since, ask_again_at, asked_by")
            .send()
            .await
            .map_err(Error::aws("dynamodb:UpdateItem"))?;
        Ok(())
    }

    /// Writes that nobody needs to ask before `until`; `false` when that, or a later time, is known already.
    pub async fn close(&self, until: Timestamp, reason: WaitReason) -> Result<bool> {
        let outcome = self
            .update_app()
            .condition_expression("attribute_not_exists(closed_until) OR closed_until < :until")
            .update_expression("SET closed_until = :until, closed_for = :reason")
            .expression_attribute_values(":until", milliseconds(until))
            .expression_attribute_values(":reason", s(reason.as_str()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Takes `calls` of the tenant's `share` of the day that `now` is in, by Douyin's days; `false` when it is used up.
    pub async fn take(&self, user_id: UserId, now: Timestamp, calls: u32, share: u64) -> Result<bool> {
        let day = now.as_second().div_euclid(DAY);
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("name", s(format!("{SCOPE}#{day}#{user_id}")))
            .condition_expression("attribute_not_exists(calls) OR calls < :share")
            .update_expression("SET expires_at = :expires ADD calls :calls")
            .expression_attribute_values(":share", n(share))
            .expression_attribute_values(":expires", n((day + KEPT_DAYS) * DAY))
            .expression_attribute_values(":calls", n(calls))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }
}
