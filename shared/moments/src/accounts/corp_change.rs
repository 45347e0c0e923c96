//! A company's new secret or proxy, given once for all its members and tried before it is stored.

use kernel::Context;
use kernel::FieldProblem;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::ids::UserId;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use kernel::vault::Vault;
use secrecy::SecretString;
use serde_json::json;
use tracing::info;

use super::corp_list::{Company, is_connected, of_company};
use super::corp_state::state_after;
use super::corp_tokens::encryption_context;
use super::proxy_choice::ProxyChoice;
use super::request::secret_problem;
use super::standing::{Proof, note};
use super::wecom_routes::WecomRoutes;
use crate::audit;
use crate::config::Clients;
use crate::error::Result;
use crate::ids::CorpKey;
use crate::store::Stores;
use crate::store::account::AccountStatus;
use crate::store::corp::{Corp, CorpChange, CorpState, EncryptedToken, ProxyChange};
use crate::time::after;
use crate::wecom::{AccessToken, Wecom};

/// What is to change of a company's app. What is absent stays.
#[derive(Debug)]
pub struct CorpRequestChange {
    pub secret: Option<SecretString>,
    /// The address of a proxy; empty for none.
    pub proxy: Option<SecretString>,
}

/// Changes companies' apps.
#[derive(Debug, Clone)]
pub struct CorpChanges {
    stores: Stores,
    vault: Vault,
    routes: WecomRoutes,
}

/// What a change is made of, once it has proven to work.
struct Proven {
    token: AccessToken,
    /// What keeps WeCom from taking calls for all that.
    state: Option<CorpState>,
}

impl CorpChanges {
    /// Built once at init. Opens nothing.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let routes = Clients::to_connect(&cx.env)?.wecom;
        Ok(Self { stores: Stores::new(cx)?, vault: Vault::load(cx)?, routes })
    }

    /// Replaces the secret, the proxy or both, once WeCom has given a token for them, and has the members that were
    /// expired publish again. A process that dies in between leaves members expired: asking again takes them up.
    ///
    /// That the company does not trust the address yet refuses nothing, since only then is the address known; the
    /// company's health tells it.
    ///
    /// # Errors
    /// What is wrong with the request, what WeCom says, or that the caller has no such company.
    pub async fn change(&self, caller: &Caller, corp_key: &CorpKey, wanted: &CorpRequestChange) -> Result<Company> {
        if wanted.secret.is_none() && wanted.proxy.is_none() {
            return Err(kernel::Error::invalid("body", "请填写新的应用密钥或代理地址，至少一项").into());
        }
        let mut problems: Vec<FieldProblem> = wanted.secret.iter().filter_map(secret_problem).collect();
        let proxy = ProxyChoice::judge(&self.routes, wanted.proxy.as_ref()).map_err(|problem| problems.push(problem));
        let (Ok(proxy), true) = (proxy, problems.is_empty()) else {
            return Err(kernel::Error::InvalidRequest(problems).into());
        };
        on_conflict(&self.stores.clock, "wechat corp", TRIES, || {
            self.try_change(caller, corp_key, wanted.secret.as_ref(), &proxy)
        })
        .await
    }

    async fn try_change(
        &self,
        caller: &Caller,
        corp_key: &CorpKey,
        new_secret: Option<&SecretString>,
        proxy: &ProxyChoice,
    ) -> Result<Attempt<Company>> {
        let user_id = caller.user_id;
        let known = if corp_key.is_possible() { self.stores.corps.get(corp_key).await? } else { None };
        let corp = known.filter(|corp| is_connected(corp, user_id)).ok_or(kernel::Error::NotFound("wechat corp"))?;
        let wecom = proxy.way(&self.routes, &self.vault, Some(&corp)).await?;
        let Proven { token, state } = self.prove(&corp, new_secret, &wecom).await?;
        let context = encryption_context(&corp);
        let access_token = self.vault.encrypt(context, &token.token).await?;
        let secret = match new_secret {
            None => None,
            Some(secret) => Some(self.vault.encrypt(context, secret).await?),
        };
        let sealed = proxy.seal(&self.vault, context).await?;
        let now = self.stores.clock.now();
        let change = CorpChange {
            secret: secret.as_deref(),
            proxy: proxy.change(true, sealed.as_deref()),
            token: EncryptedToken { access_token: &access_token, expire_time: after(now, token.expires_in) },
            state,
        };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.corps.change(&corp, &change, now)?);
        let had_proxy = corp.egress_proxy.is_some();
        let has_proxy = match change.proxy {
            ProxyChange::Keep => had_proxy,
            ProxyChange::Remove => false,
            ProxyChange::Set(_) => true,
        };
        let states = (
            json!({ "hasEgressProxy": had_proxy }),
            json!({ "hasEgressProxy": has_proxy, "newSecret": new_secret.is_some(), "newProxy": sealed.is_some() }),
        );
        transaction.add(self.stores.deed(
            caller,
            audit::CORP_CHANGED,
            format!("wechat-corp/{corp_key}"),
            states,
            now,
        )?);
        if !self.stores.commit(&transaction).await?.is_committed() {
            return Ok(Attempt::Conflict);
        }
        info!(corp.key = corp_key.as_str(), "company {corp_key} changed");
        self.revive(user_id, corp_key).await.map(Attempt::Done)
    }

    /// Asks for a token, which only the secret decides, and makes one call with it, which shows the address.
    async fn prove(&self, corp: &Corp, new_secret: Option<&SecretString>, wecom: &Wecom) -> Result<Proven> {
        let stored;
        let secret = match new_secret {
            Some(secret) => secret,
            None => {
                stored =
                    self.vault.decrypt(encryption_context(corp), corp.secret.as_deref().unwrap_or_default()).await?;
                &stored
            }
        };
        let token = wecom.access_token(&corp.corp_id, secret).await?;
        let asked = wecom.follow_users(&token.token).await;
        Ok(Proven { state: asked.as_ref().err().and_then(state_after), token })
    }

    /// Has the expired members publish again, and answers the company as it is now.
    async fn revive(&self, user_id: UserId, corp_key: &CorpKey) -> Result<Company> {
        let accounts = self.stores.accounts.of_user(user_id).await?;
        let members: Vec<_> = of_company(&accounts, corp_key).collect();
        let expired = members.iter().copied().filter(|account| account.status == AccountStatus::Expired);
        let expired: Vec<_> = expired.cloned().collect();
        note(&self.stores, &expired, Proof { status: AccountStatus::Active, offline_checks: None, health_due: None })
            .await?;
        let corp = self.stores.corps.get(corp_key).await?;
        let corp = corp.filter(|corp| is_connected(corp, user_id)).ok_or(kernel::Error::NotFound("wechat corp"))?;
        Ok(Company::of(&corp, members.len()))
    }
}
