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
        /// Those of the unit's accounts that are ACTIVE.
        members: Vec<Account>,
    },
}

impl Publisher {
    /// The unit's way out; `None` when none of its accounts exists, is the tenant's and is ACTIVE.
    pub(super) async fn channel(&self, held: &Held) -> Result<Option<Channel>> {
        let mut members = self.own_accounts(held).await?;
        members.retain(|account| account.status == AccountStatus::Active);
        if let Some(corp_key) = &held.unit.corp_key {
            members.retain(|account| account.corp_key.as_ref() == Some(corp_key));
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
