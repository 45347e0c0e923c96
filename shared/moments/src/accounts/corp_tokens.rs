//! Access tokens of company apps: one for all workers, refreshed by one at a time, replaced only by newer ones.

use std::time::Duration;

use kernel::ids::UserId;
use kernel::lease::{Lease, LeaseAttempt, wait_for};
use kernel::vault::{EncryptionContext, Vault};
use secrecy::SecretString;

use super::corp_state::state_after;
use super::wecom_routes::WecomRoutes;
use crate::error::Result;
use crate::ids::CorpKey;
use crate::store::Stores;
use crate::store::corp::{Corp, EncryptedToken, TABLE, TokenOutcome};
use crate::time::{after, before};
use crate::wecom::{Wecom, secret_missing};

/// A token this close to its end is not used for another call. WeCom may answer `gettoken` with the same token and what is
/// left of it, so a longer time would have every call ask for one in the last minutes of each.
const MIN_REMAINING_LIFE: Duration = Duration::from_secs(30);
/// Longer than the call under it can take.
const LEASE: Duration = Duration::from_secs(60);
/// How long to wait for another holder.
const LEASE_PATIENCE: Duration = Duration::from_secs(30);

/// A token in the clear, which of the app's tokens it is, and the way on which WeCom is asked with it.
#[derive(Debug, Clone)]
pub struct CorpToken {
    pub token: SecretString,
    /// The row's `token_version`.
    pub version: u64,
    /// The row as it was read for it.
    pub corp: Corp,
    /// The company's own way to WeCom. Whoever asks on another one is refused for the address.
    pub wecom: Wecom,
}

#[derive(Debug, Clone)]
pub struct CorpTokens {
    stores: Stores,
    vault: Vault,
    routes: WecomRoutes,
}

impl CorpTokens {
    /// The tokens in these tables, encrypted in this vault and renewed at WeCom.
    pub const fn new(stores: Stores, vault: Vault, routes: WecomRoutes) -> Self {
        Self { stores, vault, routes }
    }

    /// A usable token of the app, newer than `rejected` if WeCom has refused one. A secret that WeCom refuses is not
    /// tried again here: the error says so, and somebody has to mend it.
    ///
    /// An app that its user has let go is like one whose secret is refused.
    pub async fn get(&self, user_id: UserId, corp_key: &CorpKey, rejected: Option<u64>) -> Result<CorpToken> {
        wait_for(&self.stores.clock, "wechat corp token", LEASE_PATIENCE, || async {
            let corp = self.stores.corps.get(corp_key).await?;
            self.look(corp, user_id, rejected).await
        })
        .await
    }

    /// The same by the app's row as it was read a moment ago: it is read anew only if its token cannot be used.
    pub async fn get_by(&self, known: Option<Corp>, user_id: UserId, corp_key: &CorpKey) -> Result<CorpToken> {
        let is_usable = |corp: &Corp| corp.access_token.is_some() && self.is_fresh(corp);
        match known.filter(is_usable) {
            Some(corp) => match self.look(Some(corp), user_id, None).await? {
                LeaseAttempt::Done(token) => Ok(token),
                LeaseAttempt::Changed | LeaseAttempt::HeldByOther => self.get(user_id, corp_key, None).await,
            },
            None => self.get(user_id, corp_key, None).await,
        }
    }

    fn is_fresh(&self, corp: &Corp) -> bool {
        before(corp.expire_time, MIN_REMAINING_LIFE) > self.stores.clock.now()
    }

    async fn look(
        &self,
        corp: Option<Corp>,
        user_id: UserId,
        rejected: Option<u64>,
    ) -> Result<LeaseAttempt<CorpToken>> {
        let corp = corp.filter(|corp| corp.user_id == user_id).ok_or_else(secret_missing)?;
        // Before the lease: a way that is not allowed any more must not leave it taken.
        let wecom = self.routes.of(&self.vault, &corp).await?;
        let is_fresh = self.is_fresh(&corp);
        if let Some(encrypted) =
            corp.access_token.as_deref().filter(|_| is_fresh && rejected != Some(corp.token_version))
        {
            let token = self.vault.decrypt(encryption_context(&corp), encrypted).await?;
            return Ok(LeaseAttempt::Done(CorpToken { token, version: corp.token_version, corp, wecom }));
        }
        let lease = Lease::new(self.stores.clock.now(), LEASE);
        if !self.stores.corps.take_refresh_lease(&corp, &lease).await? {
            return Ok(LeaseAttempt::HeldByOther);
        }
        Ok(match self.refresh(&corp, &lease, &wecom).await? {
            Some(token) => LeaseAttempt::Done(CorpToken { token, version: corp.token_version + 1, corp, wecom }),
            None => LeaseAttempt::Changed,
        })
    }

    async fn refresh(&self, corp: &Corp, lease: &Lease, wecom: &Wecom) -> Result<Option<SecretString>> {
        let encrypted = corp.secret.as_deref().ok_or_else(secret_missing)?;
        let secret = self.vault.decrypt(encryption_context(corp), encrypted).await?;
        let token = match wecom.access_token(&corp.corp_id, &secret).await {
            Ok(token) => token,
            Err(failure) => {
                // What WeCom says is said of the secret that was read: by now there may be another one.
                let is_current =
                    self.stores.corps.save_token(corp, lease, TokenOutcome::Failed(state_after(&failure))).await?;
                return if is_current { Err(failure.into()) } else { Ok(None) };
            }
        };
        let encrypted = self.vault.encrypt(encryption_context(corp), &token.token).await?;
        let expire_time = after(self.stores.clock.now(), token.expires_in);
        let token_of_row = EncryptedToken { access_token: &encrypted, expire_time };
        let saved = self.stores.corps.save_token(corp, lease, TokenOutcome::Had(token_of_row)).await?;
        Ok(saved.then_some(token.token))
    }
}

/// Where a company app's secrets are encrypted for.
pub fn encryption_context(corp: &Corp) -> EncryptionContext<'_> {
    EncryptionContext { table: TABLE, user_id: corp.user_id, account_id: corp.corp_key.as_str() }
}
