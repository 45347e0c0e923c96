//! Accounts that expire, are tried again, come back, or lose their encrypted tokens.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::due;
use kernel::dynamo::{n, s, seconds};
use kernel::error::Result;
use kernel::ids::TaskId;
use kernel::lease::Lease;

use super::claim::claimed_by;
use super::tokens::{DOUBTS, UNMOVED};
use super::{Account, AccountStore, EncryptedTokens};
use crate::store::{condition_held, update};
use crate::tokens::expiry::{ExpiryReason, kept_until, next_trial};

/// What only an EXPIRED account has.
pub(super) const EXPIRY: &str = "expired_at, expired_reason, tokens_until, trials, blocked_sync";

impl AccountStore {
    /// Marks the account EXPIRED, as one action of a transaction; refused when it has other tokens by now. Its encrypted tokens
    /// stay for a while (if Douyin was wrong, nothing else could bring them back), and the keeper tries them; those whose end
    /// has come go at once.
    pub(crate) fn expire(&self, account: &Account, reason: ExpiryReason, now: Timestamp) -> Result<TransactWriteItem> {
        let until = kept_until(now, account.refresh_expire_time);
        const SET: &str = "SET #status = :expired, update_time = :now, expired_at = :now, expired_reason = :reason, \
                           trials = :none";
        const REMOVE: &str = "REMOVE refresh_lease_owner, refresh_lease_until, blocked_sync, challenged_at";
        let builder = Update::builder()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression(UNMOVED)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", n(account.id))
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":active", s("ACTIVE"));
        let builder = if until > now {
            let due = next_trial(now, 0, now).0.min(until);
            builder
                .update_expression(format!(
                    "{SET}, tokens_until = :until, refresh_shard = :shard, refresh_due = :due {REMOVE} \
                     ADD token_version :one"
                ))
                .expression_attribute_values(":until", seconds(until))
                .expression_attribute_values(":shard", s(due::shard_of_text(account.account_open_id.as_str())))
                .expression_attribute_values(":due", seconds(due))
        } else {
            builder.update_expression(format!(
                "{SET} {REMOVE}, access_token, refresh_token, refresh_shard, refresh_due ADD token_version :one"
            ))
        };
        update(
            builder
                .expression_attribute_values(":expired", s("EXPIRED"))
                .expression_attribute_values(":reason", s(reason.as_str()))
                .expression_attribute_values(":none", n(0))
                .expression_attribute_values(":now", seconds(now))
                .expression_attribute_values(":one", n(1)),
        )
    }

    /// Lets the lease on an EXPIRED account go after a trial that did not bring it back; `trials` is the place of the
    /// next one in the schedule, due at `due`.
    pub async fn note_trial(&self, account: &Account, lease: &Lease, trials: u32, due: Timestamp) -> Result<bool> {
        let outcome = self
            .leased(account, lease)
            .update_expression(
                "SET refresh_due = :due, trials = :trials REMOVE refresh_lease_owner, refresh_lease_until",
            )
            .expression_attribute_values(":due", seconds(due))
            .expression_attribute_values(":trials", n(trials))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Destroys the encrypted tokens of an account that stays EXPIRED. `false`: it is not as it was read.
    pub async fn destroy_tokens(&self, account: &Account, now: Timestamp) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression("id = :id AND token_version = :version AND #status = :expired")
            .update_expression(
                "SET update_time = :now REMOVE access_token, refresh_token, tokens_until, refresh_shard, refresh_due, \
                 refresh_lease_owner, refresh_lease_until ADD token_version :one",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":id", n(account.id))
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":expired", s("EXPIRED"))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":one", n(1))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// Makes an EXPIRED account ACTIVE again with what a trial has brought, as one action of a transaction; refused when
    /// it has changed since the verdict, or its claim since it was read. `sync` has the account from now on.
    pub(crate) fn restore(
        &self,
        account: &Account,
        lease: &Lease,
        tokens: &EncryptedTokens,
        sync: Option<TaskId>,
        now: Timestamp,
    ) -> Result<TransactWriteItem> {
        let (claim, value) = claimed_by(account);
        let mut set = "SET #status = :active, expire_time = :expire, refresh_due = :due, update_time = :now".to_owned();
        let mut builder = Update::builder()
            .table_name(&self.table)
            .key("douyin_user_id", s(account.account_open_id.as_str()))
            .condition_expression(format!(
                "refresh_lease_owner = :owner AND token_version = :version AND #status = :expired AND {claim}"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":owner", s(lease.owner()))
            .expression_attribute_values(":version", n(account.token_version))
            .expression_attribute_values(":expired", s("EXPIRED"))
            .expression_attribute_values(":active", s("ACTIVE"))
            .expression_attribute_values(":expire", seconds(tokens.expire_time))
            .expression_attribute_values(":due", seconds(tokens.refresh_due))
            .expression_attribute_values(":now", seconds(now))
            .expression_attribute_values(":one", n(1));
        if let Some((name, value)) = value {
            builder = builder.expression_attribute_values(name, value);
        }
        if let Some(token) = &tokens.access_token {
            set.push_str(", access_token = :access");
            builder = builder.expression_attribute_values(":access", s(token));
        }
        if let Some(token) = &tokens.refresh_token {
            set.push_str(", refresh_token = :refresh");
            builder = builder.expression_attribute_values(":refresh", s(token));
        }
        if let Some(end) = tokens.refresh_expire_time {
            set.push_str(", refresh_expire_time = :refresh_expire");
            builder = builder.expression_attribute_values(":refresh_expire", seconds(end));
        }
        // None is started by itself while this one runs: its end sets the next.
        let mut remove = "";
        if let Some(task) = sync {
            set.push_str(", active_sync_task_id = :task");
            remove = ", sync_shard, sync_due";
            builder = builder.expression_attribute_values(":task", n(task));
        }
        // Whatever was held against the tokens is over, also when the access token is the same.
        update(builder.update_expression(format!(
            "{set} REMOVE refresh_lease_owner, refresh_lease_until, refused_version, refused_at, {DOUBTS}, \
             {EXPIRY}{remove} ADD token_version :one, access_version :one"
        )))
    }
}
