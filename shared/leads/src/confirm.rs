//! The signed-in user's word on a grant that came back in a browser which had not asked for it, or could not show that
//! it had.

use kernel::Context;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::vault::{EncryptionContext, Vault};
use tracing::warn;

use crate::authorize::Authorized;
use crate::binding::{Bindings, NewTokenSet};
use crate::douyin::Douyin;
use crate::error::{AuthorizationProblem, Error, Result};
use crate::store::Stores;
use crate::store::parked_grant::{ParkedGrant, TABLE, TicketKey};

#[derive(Debug, Clone)]
pub struct AuthorizationConfirmation {
    stores: Stores,
    bindings: Bindings,
    vault: Vault,
}

impl AuthorizationConfirmation {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, bindings: Bindings::new(cx, douyin)?, vault: Vault::load(cx)? })
    }

    /// Binds the grant behind `ticket` to the caller, who must be the one who asked for the link. The grant leaves its
    /// place in the transaction that stores the account, so a process that dies has done both or neither, and the
    /// ticket is good once.
    ///
    /// # Errors
    /// [`AuthorizationProblem::TicketInvalid`] for an unknown, used or expired ticket;
    /// [`AuthorizationProblem::NotYourTicket`] for anybody else's, which destroys the grant: a link was opened by
    /// somebody it was not meant for, and nobody is to have what came of it.
    pub async fn confirm(&self, caller: &Caller, ticket: &str) -> Result<Authorized> {
        let user_id = caller.user_id;
        let key = TicketKey::of(ticket);
        let parked = self.stores.parked.get(&key).await?.ok_or(AuthorizationProblem::TicketInvalid)?;
        if parked.expires_at <= self.stores.clock.now() {
            return self.destroyed(&key, AuthorizationProblem::TicketInvalid).await;
        }
        if parked.user_id != user_id {
            warn!(asked.by = parked.user_id.get(), "an authorisation was confirmed by another user and is destroyed");
            return self.destroyed(&key, AuthorizationProblem::NotYourTicket).await;
        }
        let grant = self.decrypt(parked).await?;
        match self.bindings.bind(user_id, &caller.actor, &grant, Some(self.stores.parked.take(&key)?)).await {
            Ok(()) => Ok(Authorized {
                user_id,
                missing_scopes: grant.missing_scopes(),
                account_open_id: grant.account_open_id,
            }),
            Err(Error::Authorization(problem)) => self.destroyed(&key, problem).await,
            Err(other) => Err(other),
        }
    }

    /// `problem`, once the grant is gone.
    async fn destroyed(&self, key: &TicketKey, problem: AuthorizationProblem) -> Result<Authorized> {
        self.stores.parked.destroy(key).await?;
        Err(problem.into())
    }

    async fn decrypt(&self, parked: ParkedGrant) -> Result<NewTokenSet> {
        let context =
            EncryptionContext { table: TABLE, user_id: parked.user_id, account_id: parked.account_open_id.as_str() };
        let (access_token, refresh_token) = futures::future::try_join(
            self.vault.decrypt(context, &parked.access_token),
            self.vault.decrypt(context, &parked.refresh_token),
        )
        .await?;
        Ok(NewTokenSet {
            account_open_id: parked.account_open_id,
            nickname: parked.nickname,
            avatar_url: parked.avatar_url,
            scope: parked.scope,
            asked: parked.asked,
            access_token,
            refresh_token,
            expire_time: parked.expire_time,
            refresh_expire_time: parked.refresh_expire_time,
        })
    }
}
