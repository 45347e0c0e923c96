//! `t_platform_quota`: what Douyin lets our app ask of fan lists. One row for all, and one for each tenant and day.

use aws_sdk_dynamodb::Client;
use kernel::dynamo::{decode, n, s};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use serde::Deserialize;

use super::condition_held;
use super::sync_task::WaitReason;

/// The scope whose quota it is; Douyin counts each scope by itself.
const SCOPE: &str = "douyin#fans.list";
/// A tenant's row of a day is of no use after the next one.
const KEPT: i64 = 2 * 86_400;

/// Until when nobody needs to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Closure {
    /// In milliseconds.
    #[serde(rename = "closed_until")]
    pub until: i64,
    /// Why.
    #[serde(rename = "closed_for")]
    pub reason: WaitReason,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct PlatformQuotaStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl PlatformQuotaStore {
    /// The closure that still holds at `now_ms`. Read as it was up to a second ago: half the price, and who reads it too
    /// late is told by Douyin.
    pub async fn closure(&self, now_ms: i64) -> Result<Option<Closure>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("name", s(SCOPE))
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let closure: Option<Closure> = answer.item.map(|item| decode("platform quota", item)).transpose()?;
        Ok(closure.filter(|closure| closure.until > now_ms))
    }

    /// Writes that nobody needs to ask before `until_ms`; `false` when that, or a later time, is known already.
    pub async fn close(&self, until_ms: i64, reason: WaitReason) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("name", s(SCOPE))
            .condition_expression("attribute_not_exists(closed_until) OR closed_until < :until")
            .update_expression("SET closed_until = :until, closed_for = :reason")
            .expression_attribute_values(":until", n(until_ms))
            .expression_attribute_values(":reason", s(reason.as_str()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Takes `calls` of the tenant's `share` of the day; `false` when it is used up.
    pub async fn take(&self, user_id: UserId, day: i64, calls: u32, share: u64) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("name", s(format!("{SCOPE}#{day}#{user_id}")))
            .condition_expression("attribute_not_exists(calls) OR calls < :share")
            .update_expression("SET expires_at = :expires ADD calls :calls")
            .expression_attribute_values(":share", n(share))
            .expression_attribute_values(":expires", n(day * 86_400 + KEPT))
            .expression_attribute_values(":calls", n(calls))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }
}
