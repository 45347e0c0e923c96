//! Connecting accounts: nothing is stored before the provider has confirmed it.

use futures::future::try_join_all;
use jiff::Timestamp;
use kernel::Context;
use kernel::FieldProblem;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::crypto::sha256_hex;
use kernel::events::Event;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::{Condition, Transaction};
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
use crate::events::{self, MOST_ACCOUNTS};
use crate::ids::{AccountId, CorpKey};
use crate::provider::Provider;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus, Connection};
use crate::store::corp::{self, CorpConnection, EncryptedToken};
use crate::time::after;
use crate::{gateway, wecom};

const WHAT: &str = "wechat account";

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
        let end = after(self.stores.clock.now(), token.expires_in);
        let connection = CorpConnection {
            corp_key: &corp_key,
            corp_id: &request.corp_id,
            user_id,
            secret: &secret,
            proxy: proxy.change(known.is_some(), sealed.as_deref()),
            token: EncryptedToken { access_token: &access_token, expire_time: end },
        };
        let mut credentials = Vec::new();
        for member in &members {
            // One account per member, through whichever app: WeCom does not tell whether the agent id is the app's, and
            // a mistyped one must not make a second account that posts the same again.
            let identity = format!("{}#{}", request.corp_id, member.userid.to_ascii_lowercase());
            let account_id = account_id("ww", &identity);
            let member_id = member.userid.clone();
            let encrypted = encrypt(&self.vault, user_id, &account_id, &wecom::Credentials { member_id }).await?;
            credentials.push((account_id, encrypted));
        }
        let ids: Vec<AccountId> = credentials.iter().map(|(account_id, _)| account_id.clone()).collect();
        let accounts = credentials.iter().zip(&members).map(|((account_id, encrypted), member)| Connection {
            account_id,
            user_id,
            provider: Provider::Wecom,
            account_name: &member.name,
            auth_data: encrypted,
            corp_key: Some(&corp_key),
            member_id: Some(&member.userid),
            device: None,
            device_since: None,
            health_due: None,
        });
        let accounts: Vec<Connection<'_>> = accounts.collect();
        let states = (Value::Null, json!({ "status": AccountStatus::Active, "accounts": ids }));
        let object = format!("wechat-corp/{corp_key}");
        on_conflict(&self.stores.clock, WHAT, TRIES, || async {
            let known = self.stores.accounts.by_ids(&ids).await?;
            let now = self.stores.clock.now();
            let mut transaction = Transaction::new();
            let corp = transaction.add(self.stores.corps.connect(&connection, now)?);
            self.add(&mut transaction, &accounts, &known, now)?;
            let (object, states) = (object.clone(), states.clone());
            transaction.add(self.stores.deed(caller, audit::ACCOUNT_CONNECTED, object, states, now)?);
            self.commit(&transaction, &ids, Some(corp)).await
        })
        .await
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
        on_conflict(&self.stores.clock, WHAT, TRIES, || {
            self.try_connect_device(caller, request, &account_id, &profile.nickname, &encrypted)
        })
        .await
    }

    async fn try_connect_device(
        &self,
        caller: &Caller,
        request: &DeviceRequest,
        account_id: &AccountId,
        nickname: &str,
        encrypted: &str,
    ) -> Result<Attempt<Vec<Account>>> {
        let user_id = caller.user_id;
        let (known, now) = (self.stores.accounts.get(account_id).await?, self.stores.clock.now());
        let own = known.as_ref().filter(|known| known.user_id == user_id);
        let before = own.map_or(Value::Null, |known| json!({ "status": known.status }));
        let digest = device_digest(&request.app_id);
        // A device that the person was on already has rested from when they came to it.
        let since = known.as_ref().filter(|known| known.device.as_ref() == Some(&digest));
        let device_since = since.map_or(now, |known| known.device_since);
        let connection = Connection {
            account_id,
            user_id,
            provider: Provider::Gateway,
            // Whoever connects it again, perhaps because it was offline, keeps the name they gave it.
            account_name: request.given_name().or_else(|| own.map(|own| &*own.account_name)).unwrap_or(nickname),
            auth_data: encrypted,
            corp_key: None,
            member_id: None,
            device: Some(&digest),
            device_since: Some(device_since),
            health_due: Some(after(now, CHECK_AFTER)),
        };
        let mut transaction = Transaction::new();
        self.add(&mut transaction, &[connection], known.as_slice(), now)?;
        let states = (before, json!({ "status": AccountStatus::Active }));
        let object = format!("wechat-account/{account_id}");
        transaction.add(self.stores.deed(caller, audit::ACCOUNT_CONNECTED, object, states, now)?);
        self.commit(&transaction, std::slice::from_ref(account_id), None).await
    }

    /// Adds connections of one provider to a transaction, in place of the accounts that are known, and tells of those that could
    /// not publish. A person whom another tenant cannot publish with any more is taken over: who is logged in on whose device is
    /// the proof.
    ///
    /// # Errors
    /// [`Error::BoundToAnotherUser`] when another tenant has one of them.
    fn add(
        &self,
        transaction: &mut Transaction,
        connections: &[Connection<'_>],
        known: &[Account],
        now: Timestamp,
    ) -> Result<()> {
        let (mut back, mut taken) = (Vec::new(), Vec::new());
        for connection in connections {
            let before = known.iter().find(|account| account.account_id == *connection.account_id);
            match before {
                Some(before) if before.user_id != connection.user_id => {
                    if connection.provider == Provider::Wecom || before.status == AccountStatus::Active {
                        return Err(Error::BoundToAnotherUser);
                    }
                    taken.push(before);
                }
                Some(before) if before.status != AccountStatus::Active => back.push(before),
                _ => {}
            }
            transaction.add(self.stores.accounts.connect(connection, before, now)?);
        }
        let told = back.chunks(MOST_ACCOUNTS).map(|part| events::accounts_stand(part, AccountStatus::Active, now));
        let told: Vec<Option<Event>> = told.collect::<kernel::Result<_>>()?;
        if let Some(first) = back.first() {
            self.stores.tell(transaction, first.user_id, told.into_iter().flatten())?;
        }
        for account in taken {
            self.stores.tell(transaction, account.user_id, [events::account_taken_over(account, now)?])?;
        }
        Ok(())
    }

    /// Writes connections of these accounts, and answers the accounts.
    ///
    /// # Errors
    /// [`Error::BoundToAnotherUser`] when another tenant has the company, whose condition is `corp`.
    async fn commit(
        &self,
        connections: &Transaction,
        ids: &[AccountId],
        corp: Option<Condition>,
    ) -> Result<Attempt<Vec<Account>>> {
        let outcome = self.stores.commit(connections).await?;
        if outcome.failed(corp) {
            return Err(Error::BoundToAnotherUser);
        }
        if !outcome.is_committed() {
            return Ok(Attempt::Conflict);
        }
        let names: Vec<&str> = ids.iter().map(AccountId::as_str).collect();
        info!(account.ids = names.join(","), "{} wechat accounts connected", ids.len());
        Ok(Attempt::Done(self.stores.accounts.by_ids(ids).await?))
    }
}

/// The same account gets the same id however often it is connected.
pub(crate) fn account_id(prefix: &str, identity: &str) -> AccountId {
    let digest: String = sha256_hex(identity.as_bytes()).chars().take(24).collect();
    format!("{prefix}{digest}").into()
}
