//! WeChat accounts: connecting, listing, watching over and letting go.

mod connect;
mod corp_tokens;
mod form;
mod health;

pub use connect::AccountConnections;
pub use corp_tokens::{CorpToken, CorpTokens};
pub use form::{CorpRequest, DeviceRequest};
pub use health::{HealthChecks, OfflineNotices};

use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::ids::UserId;
use kernel::mac::sha256_hex;

use crate::error::Result;
use crate::store::account::{Account, AccountStore};

/// The tenant's accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    accounts: AccountStore,
}

impl Accounts {
    /// From the environment.
    pub fn new(aws: &Aws, env: &Env, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self { accounts: AccountStore::new(aws.dynamodb.clone(), clock, env)? })
    }

    /// The caller's accounts.
    pub async fn list(&self, user_id: UserId) -> Result<Vec<Account>> {
        Ok(self.accounts.of_user(user_id).await?)
    }
}

/// A digest of a device's id: good for finding it, not for using it.
pub(crate) fn device_digest(app_id: &str) -> String {
    sha256_hex(format!("gateway-device:{app_id}").as_bytes()).chars().take(32).collect()
}

/// Whether an account can have this id. Others are not even asked for: DynamoDB refuses to look for an empty key, or
/// for one too long to be any.
pub(crate) fn may_be_id(text: &str) -> bool {
    const LONGEST: usize = 64;
    (1..=LONGEST).contains(&text.len())
}
