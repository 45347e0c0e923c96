//! Everything the simulated WeCom knows, behind one lock: a call sees it between two others, never during one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::corp::{AppSpec, Corp, CorpSpec};
use super::endpoint::WecomEndpoint;
use super::files::Files;
use super::limits::Limiter;
use super::moment::Moments;
use super::settings::WecomSettings;
use super::tokens::Tokens;
use crate::fault::Faults;
use crate::secrets::Secrets;
use crate::seed::Seed;

pub(crate) struct World {
    seed: Seed,
    pub(crate) settings: WecomSettings,
    pub(crate) corps: BTreeMap<String, Corp>,
    /// Sandbox names by corp id.
    names: HashMap<String, String>,
    pub(crate) tokens: Tokens,
    pub(crate) files: Files,
    pub(crate) moments: Moments,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults<WecomEndpoint>,
    /// Names of members that left the platform.
    pub(crate) shown_names: BTreeSet<String>,
    /// Answers given, the source of variety between them.
    pub(crate) answers: u64,
}

impl World {
    pub(crate) fn new(seed: Seed, settings: WecomSettings) -> Self {
        Self {
            seed,
            settings,
            corps: BTreeMap::new(),
            names: HashMap::new(),
            tokens: Tokens::default(),
            files: Files::default(),
            moments: Moments::default(),
            limiter: Limiter::default(),
            faults: Faults::default(),
            shown_names: BTreeSet::new(),
            answers: 0,
        }
    }

    /// Adds a corp, or leaves the one of that name as it is.
    pub(crate) fn add_corp(&mut self, spec: CorpSpec) -> &Corp {
        let seed = self.seed;
        let corp = self.corps.entry(spec.name.clone()).or_insert_with(|| Corp::new(spec, seed));
        self.names.insert(corp.corp_id.clone(), corp.name.clone());
        corp
    }

    pub(crate) fn corp_by_id(&self, corp_id: &str) -> Option<&Corp> {
        self.names.get(corp_id).and_then(|name| self.corps.get(name))
    }

    /// Whether an app of a corp takes calls from this address. One that several corps list is a provider's, which is
    /// trusted for none of them.
    pub(crate) fn trusts(&self, corp: &str, agent_id: u32, peer: IpAddr) -> bool {
        let lists = |app: &AppSpec| app.trusted_ips.as_ref().is_some_and(|trusted| trusted.contains(&peer));
        let app = self.corps.get(corp).and_then(|corp| corp.app(agent_id));
        if app.is_none_or(|app| app.trusted_ips.is_none()) {
            return true;
        }
        app.is_some_and(lists) && self.corps.values().filter(|corp| corp.apps.iter().any(lists)).count() == 1
    }

    /// Chance in a thousand, decided once for each text.
    pub(crate) fn draws(&self, text: &str, per_mille: u16) -> bool {
        self.seed.with_text(text).stream().per_mille(per_mille.into())
    }

    pub(crate) fn secrets(&self) -> Secrets {
        let apps = self.corps.values().flat_map(|corp| &corp.apps);
        Secrets {
            keys: apps.filter_map(|app| app.secret.clone()).collect(),
            tokens: self.tokens.ever().cloned().collect(),
            nicknames: self.shown_names.clone(),
            ..Secrets::default()
        }
    }
}
