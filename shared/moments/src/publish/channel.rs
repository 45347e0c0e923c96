//! The two ways out: a personal account's device at the gateway, or a company's app at WeCom.

use kernel::vault::Place;
use secrecy::ExposeSecret;

use super::step::{Held, Publisher};
use crate::error::Result;
use crate::gateway::Gateway;
use crate::store::account::{Account, AccountStatus, AuthData, TABLE};

/// The way out for a unit, with whoever can still use it.
pub(super) enum Channel {
    /// One device.
    Personal {
        /// A client with the device's token.
        gateway: Gateway,
        /// The device.
        app_id: String,
        /// Who was logged in on it when it was connected: the author of whatever it posts.
        wxid: String,
        /// Its account.
        account: Box<Account>,
    },
    /// The members of one company.
    Corp {
        /// The company app.
        corp_key: String,
        /// Whom to ask: [`Publisher::senders`].
        members: Vec<Account>,
    },
}

impl Publisher {
    /// Who may be published to: the unit's accounts about which nothing final is told, and which can be used now. An
    /// account that was told FAILED or CANCELLED stays out, also when it can be used again: its user may have it tried
    /// again, and then it would be published twice.
    async fn senders(&self, held: &Held) -> Result<Vec<Account>> {
        let open = held.open_accounts();
        let mut accounts = self.own_accounts(held).await?;
        accounts.retain(|account| account.status == AccountStatus::Active && open.contains(&account.account_id));
        if let Some(corp_key) = &held.unit.corp_key {
            accounts.retain(|account| account.corp_key.as_ref() == Some(corp_key));
        }
        Ok(accounts)
    }

    /// The unit's way out; `None` when there is nobody to publish to.
    pub(super) async fn channel(&self, held: &Held) -> Result<Option<Channel>> {
        let mut members = self.senders(held).await?;
        if let Some(corp_key) = &held.unit.corp_key {
            return Ok((!members.is_empty()).then(|| Channel::Corp { corp_key: corp_key.clone(), members }));
        }
        let Some(account) = members.pop() else { return Ok(None) };
        let place = Place { table: TABLE, user_id: account.user_id, account_id: &account.account_id };
        let opened = self.vault.open(place, &account.auth_data).await?;
        match serde_json::from_str(opened.expose_secret()) {
            Ok(AuthData::Gateway { app_id, token, wxid }) => {
                let gateway = self.gateways.with(token);
                Ok(Some(Channel::Personal { gateway, app_id, wxid, account: Box::new(account) }))
            }
            _ => Err(kernel::Error::Corrupt("account data").into()),
        }
    }

    /// The unit's accounts that still are its tenant's: one that was disconnected may be another's by now.
    pub(super) async fn own_accounts(&self, held: &Held) -> Result<Vec<Account>> {
        let mut accounts = self.accounts.by_ids(&held.unit.account_ids).await?;
        accounts.retain(|account| account.user_id == held.unit.user_id);
        Ok(accounts)
    }
}
