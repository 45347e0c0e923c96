//! WeChat accounts: connecting, listing, watching over and letting go.

pub(crate) mod connect;
mod corp_change;
mod corp_list;
mod corp_state;
mod corp_tokens;
pub(crate) mod credentials;
mod disconnect;
mod health;
mod proxy_choice;
mod request;
mod standing;
mod wecom_routes;

pub use connect::AccountConnections;
pub use corp_change::{CorpChanges, CorpRequestChange};
pub use corp_list::{Company, list_companies};
pub use corp_state::CorpHealth;
pub(crate) use corp_state::news;
pub use corp_tokens::{CorpToken, CorpTokens};
pub use disconnect::disconnect;
pub(crate) use health::RECHECK_AFTER;
pub use health::{HealthChecks, Notice, take_notice};
pub use request::{CorpRequest, DeviceRequest, MAX_ID, MAX_MEMBERS, MAX_NAME, MAX_SECRET};
pub(crate) use standing::{Proof, note};
pub use wecom_routes::WecomRoutes;

use kernel::crypto::sha256_hex;
use kernel::ids::UserId;

use crate::error::Result;
use crate::store::Stores;
use crate::store::account::Account;

/// The caller's accounts.
///
/// # Errors
/// When the table cannot be read.
pub async fn list(stores: &Stores, user_id: UserId) -> Result<Vec<Account>> {
    Ok(stores.accounts.of_user(user_id).await?)
}

/// A digest of a device's id: good for finding it, not for using it.
pub(crate) fn device_digest(app_id: &str) -> String {
    sha256_hex(format!("gateway-device:{app_id}").as_bytes()).chars().take(32).collect()
}
