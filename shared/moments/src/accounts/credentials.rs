//! What a provider needs to know of an account, encrypted on the account's row in the provider's own form.

use kernel::error::{Error, Result};
use kernel::ids::UserId;
use kernel::vault::{EncryptionContext, Vault};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::AccountId;
use crate::store::account::{Account, TABLE};

/// The credentials as they are stored for this account.
pub(crate) async fn encrypt(
    vault: &Vault,
    user_id: UserId,
    account_id: &AccountId,
    credentials: &(impl Serialize + Sync),
) -> Result<String> {
    let json = serde_json::to_string(credentials).map_err(|_| Error::Internal("account data not serialised"))?;
    vault
        .encrypt(
            EncryptionContext { table: TABLE, user_id, account_id: account_id.as_str() },
            &SecretString::from(json),
        )
        .await
}

/// The credentials of an account.
///
/// # Errors
/// [`Error::Corrupt`] when they are not of this form: they are another provider's.
pub(crate) async fn decrypt<T: DeserializeOwned>(vault: &Vault, account: &Account) -> Result<T> {
    let context = EncryptionContext { table: TABLE, user_id: account.user_id, account_id: account.account_id.as_str() };
    let decrypted = vault.decrypt(context, &account.auth_data).await?;
    serde_json::from_str(decrypted.expose_secret()).map_err(|_| Error::Corrupt("account data"))
}
