//! Token sets moving on: under a lease, by version, never half.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::due::{self, DueIndex};
use kernel::dynamo::{decode, milliseconds, n, s, seconds};
use kernel::error::Result;
use kernel::lease::Lease;
use serde::Deserialize;

use super::expiry::EXPIRY;
use super::{Account, AccountStore, WHAT};
use crate::ids::OpenId;
use crate::store::{condition_held, update};
use crate::tokens::calendar::Notice;

/// That an account is ACTIVE and its token set still the one that was read. The row's number is part of that: a row that is deleted
/// and made again counts its versions from the beginning.
pub(super) const UNMOVED: &str = "id = :id AND token_version = :version AND #status = :active";

/// What was held against tokens that are accepted.
pub(super) const DOUBTS: &str = "refresh_refused_at, renewal_failed_at, challenged_at";

/// A refreshed, encrypted token set: written whole or not at all.
#[derive(Debug, Clone)]
pub struct EncryptedTokens {
    /// Encrypted access token; `None` keeps the stored one.
    pub access_token: Option<String>,
    /// Whether it is another token than before, and not only encrypted anew.
    pub is_other: bool,
    /// Encrypted refresh token; `None` keeps the stored one (an answer without one must never empty it).
    pub refresh_token: Option<String>,
    /// End of the access token.
    pub expire_time: Timestamp,
    /// End of the refresh token; `None` keeps the stored one.
    pub refresh_expire_time: Option<Timestamp>,
    /// When the keeper should look at it next.
    pub refresh_due: Timestamp,
    /// Renewals spent, when this changes it.
    pub renew_count: Option<u32>,
}

/// What must still hold for a token set to be written.
#[derive(Debug, Clone, Copy)]
pub enum ExpectedVersion<'a> {
    /// This is the lease on the row, and the token set is the one that was read.
    Lease(&'a Lease),
    /// The row has this encrypted refresh token. For what has replaced it at Douyin: it is void there, so it must not stay,
    /// whoever has the lease by now and whatever Douyin told them about the void one.
    Replaced(&'a str),
}

impl AccountStore {
    /// Takes the refresh lease when the account is in the state and at the version it was read in and nobody holds it. An
    /// owner is new with every lease, so finding it in the row already is the SDK's retry of a lost answer.
    pub async fn take_refresh_lease(&self, account: &Account, lease: &Lease) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression(
                "user_id = :user AND token_version = :version AND #status = :status AND \
                 (attribute_not_exists(refresh_lease_until) OR refresh_lease_until < :now OR \
                 refresh_lease_owner = :owner)",
            )
            .update_expression("SET refresh_lease_owner = :owner, refresh_lease_until = :until")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":user", n(account.user_id))
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":status", s(account.status.as_str()))
            .expression_attribute_values(":now", milliseconds(lease.taken_at()))
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":until", milliseconds(lease.end()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Stores new tokens and lets the lease go. `false`: the row has moved on (authorised anew, disconnected), and what
    /// it holds now is newer.
    pub async fn save_tokens(
        &self,
        account: &Account,
        fence: ExpectedVersion<'_>,
        tokens: &EncryptedTokens,
        now: Timestamp,
    ) -> Result<bool> {
        let mut set =
            "SET expire_time = :expire, refresh_due = :due, refresh_shard = :shard, update_time = :now".to_owned();
        let mut add = "ADD token_version :one";
        let mut request = match fence {
            ExpectedVersion::Lease(lease) => self.leased(account, lease),
            ExpectedVersion::Replaced(encrypted) => {
                set.push_str(", #status = :active");
                self.client
                    .update_item()
                    .table_name(&self.table)
                    .key("douyin_user_id", s(account.account_open_id.as_str()))
                    .condition_expression("refresh_token = :replaced")
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":active", s("ACTIVE"))
                    .expression_attribute_values(":replaced", s(encrypted))
            }
        };
        if let Some(access_token) = &tokens.access_token {
            set.push_str(", access_token = :access");
            request = request.expression_attribute_values(":access", s(access_token));
        }
        if tokens.is_other {
            add = "ADD token_version :one, access_version :one";
        }
        if let Some(refresh_token) = &tokens.refresh_token {
            set.push_str(", refresh_token = :refresh");
            request = request.expression_attribute_values(":refresh", s(refresh_token));
        }
        if let Some(end) = tokens.refresh_expire_time {
            set.push_str(", refresh_expire_time = :refresh_expire");
            request = request.expression_attribute_values(":refresh_expire", seconds(end));
        }
        if let Some(count) = tokens.renew_count {
            set.push_str(", renew_count = :renewals, renewed_at = :now");
            request = request.expression_attribute_values(":renewals", n(count));
        }
        let outcome = request
            .update_expression(format!(
                "{set} REMOVE refresh_lease_owner, refresh_lease_until, {DOUBTS}, {EXPIRY} {add}"
            ))
            .expression_attribute_values(":expire", seconds(tokens.expire_time))
            .expression_attribute_values(":due", seconds(tokens.refresh_due))
            .expression_attribute_values(":shard", s(due::shard_of_text(account.account_open_id.as_str())))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        if condition_held(outcome, "dynamodb:UpdateItem")? {
            return Ok(true);
        }
        // The answer to the first write may have been lost: then the next one met what that one wrote. No two
        // ciphertexts are alike, not even of one token, so equal ones are our own.
        let stored = self.get(&account.account_open_id).await?;
        let is_own = |ours: &Option<String>, theirs: Option<String>| ours.is_none() || *ours == theirs;
        Ok(stored.is_some_and(|stored| {
            is_own(&tokens.access_token, stored.access_token) && is_own(&tokens.refresh_token, stored.refresh_token)
        }))
    }

    /// Notes when the account's access token was first refused. `false`: the account has other tokens by now.
    pub async fn note_refusal(&self, account: &Account, now: Timestamp) -> Result<bool> {
        let outcome = self
            .unmoved(account)
            .update_expression("SET refused_version = :refused, refused_at = :now")
            .expression_attribute_values(":refused", n(account.access_version))
            .expression_attribute_values(":now", seconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Forgets that the access token of this version was refused: it was accepted since.
    pub async fn forget_refusal(&self, account_open_id: &OpenId, access_version: u64) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account_open_id.as_str()))
            .condition_expression("refused_version = :refused")
            .update_expression("REMOVE refused_version, refused_at")
            .expression_attribute_values(":refused", n(access_version))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// An update of an account that is as [`UNMOVED`] says.
    pub(super) fn unmoved(&self, account: &Account) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression(UNMOVED)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", n(account.id))
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":active", s("ACTIVE"))
    }

    /// Notes that no renewal of the refresh token is left.
    pub async fn end_renewals(
        &self,
        account: &Account,
        lease: &Lease,
        spent: u32,
        refresh_due: Timestamp,
    ) -> Result<bool> {
        let outcome = self
            .leased(account, lease)
            .update_expression(
                "SET renew_count = :renewals, refresh_due = :due REMOVE refresh_lease_owner, refresh_lease_until",
            )
            .expression_attribute_values(":renewals", n(spent))
            .expression_attribute_values(":due", seconds(refresh_due))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that a renewal of the refresh token was refused or its answer lost, and lets the lease go.
    pub async fn note_failed_renewal(
        &self,
        account: &Account,
        lease: &Lease,
        refresh_due: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        let outcome = self
            .leased(account, lease)
            .update_expression(
                "SET refresh_due = :due, renewal_failed_at = if_not_exists(renewal_failed_at, :now) \
                 REMOVE refresh_lease_owner, refresh_lease_until",
            )
            .expression_attribute_values(":due", seconds(refresh_due))
            .expression_attribute_values(":now", seconds(now))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that another tenant's authorisation of the account was refused, and has the keeper try its tokens at `due`.
    /// `false`: it has other tokens by now.
    pub async fn challenge(&self, account: &Account, now: Timestamp, due: Timestamp) -> Result<bool> {
        let outcome = self
            .unmoved(account)
            .update_expression("SET challenged_at = :now, refresh_due = :due")
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":due", seconds(account.refresh_due.unwrap_or(due).min(due)))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes that the account's tokens are good although another tenant has authorised it.
    pub async fn end_challenge(&self, account: &Account) -> Result<bool> {
        let outcome = self
            .unmoved(account)
            .condition_expression("id = :id AND token_version = :version AND #status = :active AND challenged_at = :at")
            .update_expression("REMOVE challenged_at")
            .expression_attribute_values(":at", seconds(account.challenged_at.unwrap_or_default()))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Sets when the keeper looks at an account next for which there was nothing to do. `false`: it has changed since.
    pub async fn put_off(&self, account: &Account, refresh_due: Timestamp) -> Result<bool> {
        let outcome = self
            .unmoved(account)
            .condition_expression("id = :id AND token_version = :version AND #status = :active AND refresh_due = :seen")
            .update_expression("SET refresh_due = :due")
            .expression_attribute_values(":seen", seconds(account.refresh_due.unwrap_or_default()))
            .expression_attribute_values(":due", seconds(refresh_due))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Notes what the tenant is told of the account's end, as one action of a transaction; refused when that was told already, or
    /// the account has other tokens by now. Leases stay as they are: what their holders bring is to be stored.
    pub(crate) fn note_notice(&self, account: &Account, notice: Notice) -> Result<TransactWriteItem> {
        update(
            Update::builder()
                .table_name(&self.table)
                .key("douyin_user_id", s(account.account_open_id.as_str()))
                .condition_expression(format!(
                    "{UNMOVED} AND (attribute_not_exists(reauthorize_end) OR reauthorize_end <> :end OR \
                     reauthorize_told > :days)"
                ))
                .update_expression("SET reauthorize_end = :end, reauthorize_told = :days")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":id", n(account.id))
                .expression_attribute_values(":version", n(account.token_version))
                .expression_attribute_values(":active", s("ACTIVE"))
                .expression_attribute_values(":end", seconds(notice.end))
                .expression_attribute_values(":days", n(notice.days)),
        )
    }

    /// Lets the refresh lease go after a failure that proves nothing, and sets when the keeper tries again. A first
    /// refusal of the refresh token is noted with its time.
    pub async fn release_refresh_lease(
        &self,
        account: &Account,
        lease: &Lease,
        refresh_due: Timestamp,
        refused_at: Option<Timestamp>,
    ) -> Result<bool> {
        let mut request = self.leased(account, lease).expression_attribute_values(":due", seconds(refresh_due));
        let mut set = "SET refresh_due = :due".to_owned();
        if let Some(time) = refused_at {
            set.push_str(", refresh_refused_at = if_not_exists(refresh_refused_at, :refused)");
            request = request.expression_attribute_values(":refused", seconds(time));
        }
        let update = format!("{set} REMOVE refresh_lease_owner, refresh_lease_until");
        condition_held(request.update_expression(update).send().await, "dynamodb:UpdateItem")
    }

    pub(super) fn leased(&self, account: &Account, lease: &Lease) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression("refresh_lease_owner = :owner AND token_version = :version")
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":version", n(account.token_version))
    }

    /// How many accounts there are whose tokens are kept: those ACTIVE, and for a week those EXPIRED.
    pub async fn count_kept(&self) -> Result<u64> {
        self.due_index().count(&self.client).await
    }

    fn due_index(&self) -> DueIndex {
        DueIndex {
            table: self.table.clone(),
            index: "by_refresh_due",
            shard_attribute: "refresh_shard",
            time_attribute: "refresh_due",
            time_value: seconds,
        }
    }

    /// The accounts whose tokens want care at `now`.
    pub async fn due_for_refresh(&self, now: Timestamp, limit: i32) -> Result<Vec<OpenId>> {
        #[derive(Deserialize)]
        struct Key {
            #[serde(rename = "douyin_user_id")]
            account_open_id: OpenId,
        }
        let keys = self.due_index().due(&self.client, now, limit).await?;
        keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.account_open_id)).collect()
    }
}
