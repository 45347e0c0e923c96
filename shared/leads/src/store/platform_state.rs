//! What is true of Douyin or of our app as a whole, whoever finds it out. It is in `t_idempotency` under user 0, which no
//! caller can be: all of it is found out anew when it is lost.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use kernel::crypto::sha256_hex;
use kernel::dynamo::{Item, condition_failed, condition_held, decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::instant::after;
use serde::Deserialize;

use crate::ids::OpenId;

const WHAT: &str = "platform state";
/// The row of what is known of our app.
const APP: &str = "douyin-app";
/// A row is of no use so long after it was last written.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// The length of a window of verdicts.
const WINDOW_SECONDS: i64 = 600;
/// How many accounts a window's row names at the most, so that it stays below 64 KB: each takes 16 bytes.
pub const MOST_COUNTED: usize = 2_000;

/// What is known of our app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct AppState {
    /// How many accounts the token keeper looks after.
    pub accounts: Option<u64>,
    /// When they were counted.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub counted_at: Option<Timestamp>,
    /// Since when it is known that our app may not renew refresh tokens; absent when it may, or nothing is known.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub renewals_missing_at: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
struct Window {
    #[serde(default)]
    accounts: HashSet<String>,
}

/// Access to these rows.
#[derive(Debug, Clone)]
pub struct PlatformStateStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl PlatformStateStore {
    /// What is known of our app.
    pub async fn app(&self) -> Result<AppState> {
        Ok(self.row(APP).await?.map(|row| decode(WHAT, row)).transpose()?.unwrap_or_default())
    }

    /// Notes how many accounts there are.
    pub async fn note_accounts(&self, accounts: u64, now: Timestamp) -> Result<()> {
        self.app_update()
            .update_expression("SET accounts = :accounts, counted_at = :now, expires_at = :end")
            .expression_attribute_values(":accounts", n(accounts))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":end", seconds(after(now, LIFETIME)))
            .send()
            .await
            .map_err(Error::aws("dynamodb:UpdateItem"))?;
        Ok(())
    }

    /// Notes that our app may not renew refresh tokens, and that this was asked now. Whether it is news.
    pub async fn note_renewals_missing(&self, now: Timestamp) -> Result<bool> {
        const SET: &str = "SET renewals_missing_at = if_not_exists(renewals_missing_at, :now), \
                           renewals_asked_at = :now, expires_at = :end";
        let answer = self
            .app_update()
            .update_expression(SET)
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":end", seconds(after(now, LIFETIME)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(Error::aws("dynamodb:UpdateItem"))?;
        Ok(!answer.attributes.is_some_and(|before| before.contains_key("renewals_missing_at")))
    }

    /// Whether the caller is the one to ask again if our app may renew refresh tokens by now: it was last asked before
    /// `since`, or it was seen to may.
    pub async fn claim_renewal_question(&self, since: Timestamp, now: Timestamp) -> Result<bool> {
        let outcome = self
            .app_update()
            .condition_expression("attribute_not_exists(renewals_missing_at) OR renewals_asked_at < :since")
            .update_expression("SET renewals_asked_at = :now")
            .expression_attribute_values(":since", seconds(since))
            .expression_attribute_values(":now", seconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that our app may renew refresh tokens after all.
    pub async fn forget_renewals_missing(&self) -> Result<()> {
        let update = self.app_update().update_expression("REMOVE renewals_missing_at, renewals_asked_at");
        update.send().await.map_err(Error::aws("dynamodb:UpdateItem"))?;
        Ok(())
    }

    fn app_update(&self) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("user_id", n(0)).key("idempotency_key", s(APP))
    }

    /// Notes that Douyin decided `cause` about the account, and answers about how many accounts it did so in this window
    /// and the one before it; so in no ten minutes are there more. Adding to a set is done once however often it is
    /// repeated, and needs no condition: many may do it at the same time.
    pub async fn count_verdict(&self, cause: &str, account: &OpenId, now: Timestamp) -> Result<usize> {
        let window = now.as_second().div_euclid(WINDOW_SECONDS);
        let key = |window: i64| format!("douyin-verdicts#{cause}#{window}");
        let name = sha256_hex(account.as_str().as_bytes()).chars().take(12).collect();
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("user_id", n(0))
            .key("idempotency_key", s(key(window)))
            .condition_expression("attribute_not_exists(accounts) OR size(accounts) < :most")
            .update_expression("SET expires_at = :end ADD accounts :account")
            .expression_attribute_values(":most", n(MOST_COUNTED))
            .expression_attribute_values(":end", seconds(after(now, LIFETIME)))
            .expression_attribute_values(":account", AttributeValue::Ss(vec![name]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let mut accounts = match outcome {
            Ok(answer) => decode::<Window>(WHAT, answer.attributes.unwrap_or_default())?.accounts,
            Err(error) if condition_failed(&error) => return Ok(MOST_COUNTED),
            Err(error) => return Err(Error::aws("dynamodb:UpdateItem")(error)),
        };
        if let Some(row) = self.row(&key(window - 1)).await? {
            accounts.extend(decode::<Window>(WHAT, row)?.accounts);
        }
        Ok(accounts.len())
    }

    /// Has no account marked for this cause until then.
    pub async fn hold_verdicts(&self, cause: &str, until: Timestamp, now: Timestamp) -> Result<()> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("user_id", n(0))
            .key("idempotency_key", s(format!("douyin-breaker#{cause}")))
            .update_expression("SET held_until = :until, expires_at = :end")
            .expression_attribute_values(":until", seconds(until))
            .expression_attribute_values(":end", seconds(after(now, LIFETIME)))
            .send()
            .await
            .map_err(Error::aws("dynamodb:UpdateItem"))?;
        Ok(())
    }

    /// Until when no account is marked for this cause, if an incident was seen.
    pub async fn verdicts_held_until(&self, cause: &str) -> Result<Option<Timestamp>> {
        #[derive(Deserialize)]
        struct Breaker {
            #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
            held_until: Timestamp,
        }
        let row = self.row(&format!("douyin-breaker#{cause}")).await?;
        Ok(row.map(|row| decode::<Breaker>(WHAT, row)).transpose()?.map(|breaker| breaker.held_until))
    }

    async fn row(&self, key: &str) -> Result<Option<Item>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("user_id", n(0))
            .key("idempotency_key", s(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        Ok(answer.item)
    }
}
