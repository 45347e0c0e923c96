//! Connecting accounts: nothing is stored before the provider has confirmed it.

use futures::future::try_join_all;
use kernel::Context;
use kernel::FieldProblem;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::crypto::sha256_hex;
use kernel::transaction::Transaction;
use kernel::vault::{EncryptionContext, Vault};
use serde_json::{Value, json};
use tracing::info;

use super::credentials::encrypt;
use super::device_digest;
use super::health::CHECK_AFTER;
use super::proxy_choice::ProxyChoice;
use super::request::{CorpRequest, DeviceRequest, member_choice};
use crate::audit;
use crate::config::Clients;
use crate::error::{Error, Result};
use crate::ids::{AccountId, CorpKey};
use crate::provider::Provider;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus, Connection};
use crate::store::corp::{self, CorpConnection, EncryptedToken};
use crate::time::after;
use crate::{gateway, wecom};

#[derive(Debug, Clone)]
pub struct AccountConnections {
    pub(crate) stores: Stores,
    pub(crate) vault: Vault,
    pub(crate) clients: Clients,
}

impl AccountConnections {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, vault: Vault::load(cx)?, clients: Clients::to_connect(&cx.env)? })
    }

    /// Connects a company app, proven by a live call, and its members, each checked against WeCom's own list.
    pub async fn connect_corp(&self, caller: &Caller, request: &CorpRequest) -> Result<Vec<Account>> {
        let user_id = caller.user_id;
        request.check()?;
        let corp_key = CorpKey::from(format!("{}#{}", request.corp_id, request.agent_id));
        let proxy = ProxyChoice::judge(&self.clients.wecom, request.proxy.as_ref());
        let proxy = proxy.map_err(|problem| kernel::Error::InvalidRequest(vec![problem]))?;
        let known = self.stores.corps.get(&corp_key).await?.filter(|corp| corp.user_id == user_id);
        let wecom = proxy.way(&self.clients.wecom, &self.vault, known.as_ref()).await?;
        let token = wecom.access_token(&request.corp_id, &request.secret).await?;
        let usable = wecom.follow_users(&token.token).await?;
        let wanted = request.member_ids.clone().unwrap_or_else(|| usable.clone());
        let unusable: Vec<FieldProblem> = wanted
            .iter()
            .enumerate()
            // Members are the same in any case of letters.
            .filter(|(_, id)| !usable.iter().any(|known| known.eq_ignore_ascii_case(id)))
            .map(|(index, _)| {
                let problem = "该成员没有客户联系权限，或不在应用可见范围内，请在企业微信后台检查";
                FieldProblem::new(format!("memberIds[{index}]"), problem)
            })
            .collect();
        if !unusable.is_empty() {
            return Err(kernel::Error::InvalidRequest(unusable).into());
        }
        // Once more for those that WeCom named.
        member_choice(&wanted)?;
        let members = try_join_all(wanted.iter().map(|id| wecom.user(&token.token, id))).await?;
        let context = EncryptionContext { table: corp::TABLE, user_id, account_id: corp_key.as_str() };
        let (secret, access_token) = futures::future::try_join(
            self.vault.encrypt(context, &request.secret),
            self.vault.encrypt(context, &token.token),
        )
        .await?;
        let sealed = proxy.seal(&self.vault, context).await?;
        let now = self.stores.clock.now();
        let end = after(now, token.expires_in);
        let mut transaction = Transaction::new();
        let connection = CorpConnection {
            corp_key: &corp_key,
            corp_id: &request.corp_id,
            user_id,
            secret: &secret,
            proxy: proxy.change(known.is_some(), sealed.as_deref()),
            token: EncryptedToken { access_token: &access_token, expire_time: end },
        };
        transaction.add(self.stores.corps.connect(&connection, now)?);
        let mut ids = Vec::new();
        for member in &members {
            // One account per member, through whichever app: WeCom does not tell whether the agent id is the app's, and
            // a mistyped one must not make a second account that posts the same again.
            let identity = format!("{}#{}", request.corp_id, member.userid.to_ascii_lowercase());
            let account_id = account_id("ww", &identity);
            let member_id = member.userid.clone();
            let encrypted = encrypt(&self.vault, user_id, &account_id, &wecom::Credentials { member_id }).await?;
            transaction.add(self.stores.accounts.connect(
                &Connection {
                    account_id: &account_id,
                    user_id,
                    provider: Provider::Wecom,
                    account_name: &member.name,
                    auth_data: &encrypted,
                    corp_key: Some(&corp_key),
                    member_id: Some(&member.userid),
                    device: None,
                    device_since: None,
                    health_due: None,
                },
                now,
            )?);
            ids.push(account_id);
        }
        let states = (Value::Null, json!({ "status": AccountStatus::Active, "accounts": ids }));
        let object = format!("wechat-corp/{corp_key}");
        transaction.add(self.stores.deed(caller, audit::ACCOUNT_CONNECTED, object, states, now)?);
        self.commit(&transaction, &ids).await
    }

    /// Connects the person who is logged in on a device of the gateway, proven by its being online and telling who that
    /// is. The account is the person: whichever device they are logged in on, it is the same one, with one pace and one
    /// turn. One of another user that cannot publish any more goes to whoever has the person on their device now.
    pub async fn connect_device(&self, caller: &Caller, request: &DeviceRequest) -> Result<Vec<Account>> {
        let user_id = caller.user_id;
        request.check()?;
        let device = self.clients.gateways.with(request.token.clone());
        if !device.check_online(&request.app_id).await? {
            let problem = "该设备当前未登录微信，请先在网关中登录后再连接";
            return Err(kernel::Error::invalid("appId", problem).into());
        }
        let profile = device.profile(&request.app_id).await?;
        let account_id = account_id("wx", &profile.wxid);
        let (app_id, token) = (request.app_id.clone(), request.token.clone());
        let data = gateway::Credentials { app_id, token, wxid: profile.wxid };
        let encrypted = encrypt(&self.vault, user_id, &account_id, &data).await?;
        let (known, now) = (self.stores.accounts.get(&account_id).await?, self.stores.clock.now());
        let own = known.as_ref().filter(|known| known.user_id == user_id);
        let before = own.map_or(Value::Null, |known| json!({ "status": known.status }));
        let digest = device_digest(&request.app_id);
        // A device that the person was on already has rested from when they came to it.
        let since = known.as_ref().filter(|known| known.device.as_ref() == Some(&digest));
        let device_since = since.map_or(now, |known| known.device_since);
        let name = match (request.given_name(), known) {
            (Some(name), _) => name.to_owned(),
            // Whoever connects it again, perhaps because it was offline, keeps the name they gave it.
            (None, Some(known)) if known.user_id == user_id => known.account_name,
            (None, _) => profile.nickname,
        };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.accounts.connect(
            &Connection {
                account_id: &account_id,
                user_id,
                provider: Provider::Gateway,
                account_name: &name,
                auth_data: &encrypted,
                corp_key: None,
                member_id: None,
                device: Some(&digest),
                device_since: Some(device_since),
                health_due: Some(after(now, CHECK_AFTER)),
            },
            now,
        )?);
        let states = (before, json!({ "status": AccountStatus::Active }));
        let object = format!("wechat-account/{account_id}");
        transaction.add(self.stores.deed(caller, audit::ACCOUNT_CONNECTED, object, states, now)?);
        self.commit(&transaction, &[account_id]).await
    }

    /// Writes connections of these accounts, and answers the accounts.
    ///
    /// # Errors
    /// [`Error::BoundToAnotherUser`] when another tenant has one of them.
    pub(crate) async fn commit(&self, connections: &Transaction, ids: &[AccountId]) -> Result<Vec<Account>> {
        if !self.stores.commit(connections).await?.is_committed() {
            return Err(Error::BoundToAnotherUser);
        }
        let names: Vec<&str> = ids.iter().map(AccountId::as_str).collect();
        info!(account.ids = names.join(","), "{} wechat accounts connected", ids.len());
        Ok(self.stores.accounts.by_ids(ids).await?)
    }
}

/// The same account gets the same id however often it is connected.
pub(crate) fn account_id(prefix: &str, identity: &str) -> AccountId {
    let digest: String = sha256_hex(identity.as_bytes()).chars().take(24).collect();
    format!("{prefix}{digest}").into()
}
