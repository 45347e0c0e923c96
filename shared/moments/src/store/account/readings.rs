//! What is known of an account's posts from its lists, and how often they may be read for it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::dynamo::{n, s};
use kernel::error::Result;
use kernel::ids::UserId;

use super::{Account, AccountStore};
use crate::ids::AccountId;
use crate::store::{SlotReservation, condition_held, milliseconds, seconds, update};
use crate::time::{after, beijing_day, next_beijing_day};

/// Calls a day that may read an account's posts, by the gateway's vendor.
const READINGS_A_DAY: u32 = 200;
/// When a reading is asked for again that another worker was faster to take.
const READ_AGAIN: Duration = Duration::from_secs(5);

/// The calls of one reading of an account's posts.
#[derive(Debug, Clone, Copy)]
pub struct ReadingCalls {
    /// How many there may be.
    pub count: u32,
    /// What is between two of them, and between this reading and the next.
    pub between: Duration,
}

impl AccountStore {
    /// Remembers the post that is recorded for the tenant's account, as one action of the transaction that records it:
    /// refused when the account is not the tenant's any more.
    pub(crate) fn remember_post(
        &self,
        user_id: UserId,
        account_id: &AccountId,
        moment_id: &str,
    ) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .key("account_id", s(account_id))
                // Without it, an account that was disconnected meanwhile would come back as half a row.
                .condition_expression("user_id = :user")
                .update_expression("SET last_moment_id = :moment")
                .expression_attribute_values(":user", n(user_id))
                .expression_attribute_values(":moment", s(moment_id)),
        )
    }

    /// Takes calls to read the account's posts, unless that would be too many for a day or too early after the ones
    /// before. They are counted before they are made: whoever dies in between has used them up.
    pub async fn reserve_reading(
        &self,
        account: &Account,
        calls: ReadingCalls,
        now: Timestamp,
    ) -> Result<SlotReservation> {
        let day = beijing_day(now);
        let made = if account.reading_day == day { account.readings } else { 0 };
        if made + calls.count > READINGS_A_DAY {
            return Ok(SlotReservation::NotBefore(next_beijing_day(now)));
        }
        let free_from = after(account.read_at, calls.between);
        if free_from > now {
            return Ok(SlotReservation::NotBefore(free_from));
        }
        let last = after(now, calls.between * calls.count.saturating_sub(1));
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .condition_expression("user_id = :user AND (attribute_not_exists(read_at) OR read_at IN (:seen, :last))")
            .update_expression("SET reading_day = :day, readings = :count, read_at = :last")
            .expression_attribute_values(":user", n(account.user_id))
            .expression_attribute_values(":seen", milliseconds(account.read_at))
            .expression_attribute_values(":day", n(day))
            .expression_attribute_values(":count", n(made + calls.count))
            .expression_attribute_values(":last", milliseconds(last));
        let taken = condition_held(request.send().await, "dynamodb:UpdateItem")?;
        Ok(if taken { SlotReservation::Taken } else { SlotReservation::NotBefore(after(now, READ_AGAIN)) })
    }

    /// Notes whether the account's lists show anything by which a post's absence could be told.
    pub async fn note_blindness(&self, account: &Account, is_blind: bool, now: Timestamp) -> Result<()> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("account_id", s(&account.account_id))
            .condition_expression("user_id = :user")
            .expression_attribute_values(":user", n(account.user_id));
        let request = if is_blind {
            request.update_expression("SET blind_since = :now").expression_attribute_values(":now", seconds(now))
        } else {
            request.update_expression("REMOVE blind_since")
        };
        condition_held(request.send().await, "dynamodb:UpdateItem").map(|_| ())
    }
}
