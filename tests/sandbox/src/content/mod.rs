//! The content library: drafts that belong to users, readable by their owner only.

mod control;
mod jwt;
mod serve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde::{Deserialize, Serialize};

use crate::fault::{ArmedFault, Fault, Faults};
use crate::host::Host;
use crate::secrets::Secrets;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    pub content_id: String,
    pub owner_user_id: u64,
    /// Its text; may be empty.
    #[serde(default)]
    pub text: String,
    /// Its pictures or its video.
    #[serde(default)]
    pub media_urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ContentSettings {
    /// Checks the signature (HS256) of tokens; nothing: they are taken at their word.
    pub jwt_secret: Option<String>,
    /// Somebody else's draft is a 403 instead of a 404.
    pub foreign_is_forbidden: bool,
    /// Real time every answer takes longer.
    pub latency_milliseconds: u64,
}

/// What can be met by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentEndpoint {
    /// `GET /contents/{id}`
    #[serde(rename = "contents")]
    Contents,
}

/// A fault of the library. Its account is the content id.
pub type ContentFault = Fault<ContentEndpoint>;

/// What a library starts with.
#[derive(Clone, Debug, Default)]
pub struct ContentConfig {
    /// The drafts there are.
    pub drafts: Vec<Draft>,
    pub settings: ContentSettings,
}

/// The running library; clones are handles to the same one.
#[derive(Clone)]
pub struct Content {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    base_url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    drafts: BTreeMap<String, Draft>,
    settings: ContentSettings,
    faults: Faults<ContentEndpoint>,
    tokens_seen: BTreeSet<String>,
}

impl Content {
    pub(crate) fn new(config: ContentConfig, host: Host, base_url: String) -> Self {
        let drafts = config.drafts.into_iter().map(|draft| (draft.content_id.clone(), draft)).collect();
        let state = Mutex::new(State { drafts, settings: config.settings, ..State::default() });
        Self { inner: Arc::new(Inner { host, base_url, state }) }
    }

    /// The library's paths, below its prefix.
    pub(crate) fn platform(&self) -> Router {
        serve::routes().with_state(self.clone())
    }

    /// The paths by which other processes steer it.
    pub(crate) fn control(&self) -> Router {
        control::routes().with_state(self.clone())
    }

    pub(crate) fn secrets(&self) -> Secrets {
        let state = self.state();
        let keys = state.settings.jwt_secret.iter().cloned().collect();
        Secrets { keys, tokens: state.tokens_seen.clone(), ..Secrets::default() }
    }

    /// The value for `CONTENT_API_URL`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// Adds a draft, or replaces the one of its id.
    pub fn put(&self, draft: Draft) {
        self.state().drafts.insert(draft.content_id.clone(), draft);
    }

    /// Removes a draft; false when there is none of this id.
    pub fn remove(&self, content_id: &str) -> bool {
        self.state().drafts.remove(content_id).is_some()
    }

    /// The drafts, by id.
    #[must_use]
    pub fn drafts(&self) -> Vec<Draft> {
        self.state().drafts.values().cloned().collect()
    }

    pub fn configure(&self, change: impl FnOnce(&mut ContentSettings)) {
        change(&mut self.state().settings);
    }

    /// The knobs as they stand.
    #[must_use]
    pub fn settings(&self) -> ContentSettings {
        self.state().settings.clone()
    }

    /// Arms a fault and returns its number.
    pub fn arm(&self, fault: ContentFault) -> u64 {
        self.state().faults.arm(fault)
    }

    /// Removes a fault; false when there is none of this number.
    pub fn disarm(&self, id: u64) -> bool {
        self.state().faults.disarm(id)
    }

    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Everything armed since the last clearing, with how often it was met.
    #[must_use]
    pub fn faults(&self) -> Vec<ArmedFault<ContentEndpoint>> {
        self.state().faults.list()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> &Host {
        &self.inner.host
    }
}
