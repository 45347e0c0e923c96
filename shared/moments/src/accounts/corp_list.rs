//! The companies whose members a tenant has connected.

use std::collections::BTreeMap;

use kernel::ids::UserId;

use super::corp_state::CorpHealth;
use crate::error::Result;
use crate::ids::CorpKey;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::corp::Corp;

/// A company app, as its user sees it: nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    pub corp_key: CorpKey,
    pub corp_id: String,
    /// How many of its members are connected.
    pub members: usize,
    /// Whether its calls go through a proxy of its own.
    pub has_proxy: bool,
    pub health: CorpHealth,
}

impl Company {
    pub(super) fn of(corp: &Corp, members: usize) -> Self {
        Self {
            corp_key: corp.corp_key.clone(),
            corp_id: corp.corp_id.clone(),
            members,
            has_proxy: corp.egress_proxy.is_some(),
            health: CorpHealth::of(corp),
        }
    }
}

/// The caller's companies, by their keys. One whose last member was disconnected is none any more.
///
/// # Errors
/// When the tables cannot be read.
pub async fn list_companies(stores: &Stores, user_id: UserId) -> Result<Vec<Company>> {
    let accounts = stores.accounts.of_user(user_id).await?;
    let mut members: BTreeMap<&CorpKey, usize> = BTreeMap::new();
    for corp_key in accounts.iter().filter_map(|account| account.corp_key.as_ref()) {
        *members.entry(corp_key).or_default() += 1;
    }
    let mut corps = stores.corps.by_keys(members.keys().copied()).await?;
    corps.retain(|corp| is_connected(corp, user_id));
    corps.sort_by(|a, b| a.corp_key.cmp(&b.corp_key));
    Ok(corps.iter().map(|corp| Company::of(corp, members.get(&corp.corp_key).copied().unwrap_or_default())).collect())
}

/// Whether it is this tenant's, and has not been let go.
pub(super) fn is_connected(corp: &Corp, user_id: UserId) -> bool {
    corp.user_id == user_id && corp.secret.is_some()
}

/// The accounts of a company among these.
pub(super) fn of_company<'a>(accounts: &'a [Account], corp_key: &'a CorpKey) -> impl Iterator<Item = &'a Account> {
    accounts.iter().filter(move |account| account.corp_key.as_ref() == Some(corp_key))
}
