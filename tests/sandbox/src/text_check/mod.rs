//! A service that judges texts, as the large clouds offer one: `POST /check` with `{"text": …}` and a bearer token, answered
//! with `{"suggestion": "pass"}`, `block` or `review`.

mod control;
mod serve;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde::{Deserialize, Serialize};

use crate::fault::{ArmedFault, Fault, Faults};
use crate::host::Host;
use crate::secrets::Secrets;

/// The token that it wants unless it is told another.
pub const TOKEN: &str = "text-check-token-of-the-sandbox";

/// How it judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TextCheckSettings {
    pub token: String,
    /// Texts with one of these are blocked.
    pub blocked: BTreeSet<String>,
    /// Texts with one of these are for a person to look at.
    pub for_review: BTreeSet<String>,
    /// Real time every answer takes longer.
    pub latency_milliseconds: u64,
}

impl Default for TextCheckSettings {
    fn default() -> Self {
        Self {
            token: TOKEN.to_owned(),
            blocked: ["违禁"].map(str::to_owned).into(),
            for_review: ["疑似"].map(str::to_owned).into(),
            latency_milliseconds: 0,
        }
    }
}

/// What can be met by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextCheckEndpoint {
    /// `POST /check`
    #[serde(rename = "check")]
    Check,
}

/// A fault of the service. It has no account.
pub type TextCheckFault = Fault<TextCheckEndpoint>;

/// The running service; clones are handles to the same one.
#[derive(Clone)]
pub struct TextCheck {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    base_url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    settings: TextCheckSettings,
    faults: Faults<TextCheckEndpoint>,
    checked: u32,
}

impl TextCheck {
    pub(crate) fn new(host: Host, base_url: String) -> Self {
        Self { inner: Arc::new(Inner { host, base_url, state: Mutex::default() }) }
    }

    /// The service's paths, below its prefix.
    pub(crate) fn platform(&self) -> Router {
        serve::routes().with_state(self.clone())
    }

    /// The paths by which other processes steer it.
    pub(crate) fn control(&self) -> Router {
        control::routes().with_state(self.clone())
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets { keys: [self.settings().token].into(), ..Secrets::default() }
    }

    /// The value for `TEXT_CHECK_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/check", self.inner.base_url)
    }

    pub fn configure(&self, change: impl FnOnce(&mut TextCheckSettings)) {
        change(&mut self.state().settings);
    }

    /// The knobs as they stand.
    #[must_use]
    pub fn settings(&self) -> TextCheckSettings {
        self.state().settings.clone()
    }

    /// How many texts it has judged.
    #[must_use]
    pub fn checked(&self) -> u32 {
        self.state().checked
    }

    /// Arms a fault and returns its number.
    pub fn arm(&self, fault: TextCheckFault) -> u64 {
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
    pub fn faults(&self) -> Vec<ArmedFault<TextCheckEndpoint>> {
        self.state().faults.list()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> &Host {
        &self.inner.host
    }
}
