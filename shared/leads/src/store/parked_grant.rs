//! Grants that wait for the word of their user, in `t_oauth_state` beside the authorisations under way: under the hash
//! of a one-time ticket, for ten minutes, encrypted for this place alone.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use jiff::Timestamp;
use kernel::crypto::sha256_hex;
use kernel::dynamo::{decode, n, s, seconds};
use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::instant::after;
use serde::Deserialize;

use super::oauth_state::LIFETIME;
use super::{condition_held, delete};
use crate::douyin::UserInfo;
use crate::ids::OpenId;

/// The table's name in the specification, part of every ciphertext's context.
pub const TABLE: &str = "t_oauth_state";

/// A parked grant's row.
#[derive(Debug, Clone, Deserialize)]
pub struct ParkedGrant {
    /// The tenant who asked for the link.
    pub user_id: UserId,
    #[serde(rename = "douyin_user_id")]
    pub account_open_id: OpenId,
    /// Nickname, empty while it is not known.
    pub nickname: String,
    /// Avatar, empty while it is not known.
    pub avatar_url: String,
    /// Granted scopes, comma-joined.
    pub scope: String,
    /// The scopes that were asked for, comma-joined.
    #[serde(default)]
    pub asked: String,
    /// Encrypted access token.
    pub access_token: String,
    /// Encrypted refresh token.
    pub refresh_token: String,
    /// End of the access token.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub expire_time: Timestamp,
    /// End of the refresh token.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub refresh_expire_time: Timestamp,
    /// Until when it can be confirmed.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub expires_at: Timestamp,
}

impl ParkedGrant {
    /// The end of a grant parked at `now`.
    pub fn end(now: Timestamp) -> Timestamp {
        after(now, LIFETIME)
    }
}

/// Where a ticket's grant is. States are hashes alone, so no ticket is ever taken for a state or a state for a ticket.
#[derive(Debug, Clone)]
pub struct TicketKey(String);

impl TicketKey {
    /// The key of a ticket as its holder shows it.
    pub fn of(ticket: &str) -> Self {
        Self(format!("ticket#{}", sha256_hex(ticket.as_bytes())))
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct ParkedGrantStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl ParkedGrantStore {
    /// Parks a grant. The SDK's retry of a lost answer writes the same row again.
    pub async fn put(&self, key: &TicketKey, grant: &ParkedGrant, now: Timestamp) -> Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("state_hash", s(&key.0))
            .item("user_id", n(grant.user_id))
            .item("douyin_user_id", s(grant.account_open_id.as_str()))
            .item("nickname", s(&grant.nickname))
            .item("avatar_url", s(&grant.avatar_url))
            .item("scope", s(&grant.scope))
            .item("asked", s(&grant.asked))
            .item("access_token", s(&grant.access_token))
            .item("refresh_token", s(&grant.refresh_token))
            .item("expire_time", seconds(grant.expire_time))
            .item("refresh_expire_time", seconds(grant.refresh_expire_time))
            .item("create_time", seconds(now))
            .item("expires_at", seconds(grant.expires_at))
            .send()
            .await
            .map_err(Error::aws("dynamodb:PutItem"))?;
        Ok(())
    }

    /// Notes what the account of a parked grant is called. `false`: somebody has taken or destroyed the grant.
    pub async fn set_profile(&self, key: &TicketKey, profile: &UserInfo) -> Result<bool> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("state_hash", s(&key.0))
            .condition_expression("attribute_exists(state_hash)")
            .update_expression("SET nickname = :nickname, avatar_url = :avatar")
            .expression_attribute_values(":nickname", s(&profile.nickname))
            .expression_attribute_values(":avatar", s(&profile.avatar_url))
            .send()
            .await;
        condition_held(outcome, "dynamodb:UpdateItem")
    }

    /// The grant, read consistently, whoever asked for it and whether or not its time is over (the table's TTL deletes
    /// late, by days).
    pub async fn get(&self, key: &TicketKey) -> Result<Option<ParkedGrant>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("state_hash", s(&key.0))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        answer.item.map(|item| decode("parked grant", item)).transpose()
    }

    /// Takes the grant out as one action of a transaction; refused when somebody has done so.
    pub(crate) fn take(&self, key: &TicketKey) -> Result<TransactWriteItem> {
        delete(
            Delete::builder()
                .table_name(&self.table)
                .key("state_hash", s(&key.0))
                .condition_expression("attribute_exists(state_hash)"),
        )
    }

    /// Destroys the grant, whoever has it.
    pub async fn destroy(&self, key: &TicketKey) -> Result<()> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("state_hash", s(&key.0))
            .send()
            .await
            .map_err(Error::aws("dynamodb:DeleteItem"))?;
        Ok(())
    }
}
