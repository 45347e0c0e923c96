//! Everything the simulated platform knows, behind one lock: a call sees it between two others, never during one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::account::{Account, AccountSpec};
use super::app::App;
use super::authority::Authority;
use super::client_token::ClientTokens;
use super::fault::Faults;
use super::limits::Limits;
use super::settings::Settings;
use crate::secrets::Secrets;
use crate::seed::Seed;

pub(crate) struct World {
    pub(crate) seed: Seed,
    pub(crate) born: Timestamp,
    pub(crate) settings: Settings,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) accounts: BTreeMap<String, Account>,
    names: HashMap<String, String>,
    pub(crate) authority: Authority,
    pub(crate) client_tokens: ClientTokens,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    /// Answers given, the source of variety between them.
    pub(crate) answers: u64,
    /// Nicknames that left the platform.
    pub(crate) shown_nicknames: HashSet<Arc<str>>,
}

impl World {
    pub(crate) fn new(seed: Seed, settings: Settings, born: Timestamp) -> Self {
        Self {
            seed,
            born,
            settings,
            apps: BTreeMap::new(),
            accounts: BTreeMap::new(),
            names: HashMap::new(),
            authority: Authority::default(),
            client_tokens: ClientTokens::default(),
            limits: Limits::default(),
            faults: Faults::default(),
            answers: 0,
            shown_nicknames: HashSet::new(),
        }
    }

    /// Adds a user, or leaves the one of that name as it is.
    pub(crate) fn add_account(&mut self, spec: AccountSpec) -> &Account {
        let seed = self.seed;
        let account = self.accounts.entry(spec.name.clone()).or_insert_with(|| Account::new(spec, seed));
        self.names.insert(account.open_id.clone(), account.name.clone());
        account
    }

    pub(crate) fn name_of(&self, open_id: &str) -> Option<&str> {
        self.names.get(open_id).map(String::as_str)
    }

    pub(crate) fn expire_access_tokens(&mut self, account: &str, now: Timestamp) {
        self.authority.change(account, |grant| grant.access.expires_at = grant.access.expires_at.min(now));
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets {
            keys: self.apps.values().map(|app| app.spec.client_secret.clone()).collect(),
            codes: self.authority.codes_ever().cloned().collect(),
            tokens: self.authority.tokens_ever().chain(self.client_tokens.ever()).cloned().collect(),
            nicknames: self.shown_nicknames.iter().map(ToString::to_string).collect(),
        }
    }
}
