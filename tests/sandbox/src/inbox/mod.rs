//! Receivers of webhooks, one for each name: `POST /inbox/<name>`. Each looks at the signature as Standard Webhooks has it,
//! answers as well or as badly as it is told to, and keeps what arrived.

mod arrival;
mod conduct;
mod control;
mod serve;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use axum::Router;
use serde::Serialize;
use tokio::sync::watch;

use crate::host::Host;
use crate::secrets::Secrets;

pub use arrival::Arrival;
pub use conduct::Conduct;
pub use verify::{NotASecret, Problem};

/// A soak run must not grow without end: beyond this the oldest requests of a receiver go.
const KEPT: usize = 100_000;

/// The running receivers; clones are handles to the same ones.
#[derive(Clone)]
pub struct Inbox {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    base_url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    receivers: BTreeMap<String, Receiver>,
    /// All there ever were: one that was changed must not be in anyone's log either.
    secrets: BTreeSet<String>,
}

#[derive(Default)]
struct Receiver {
    keys: Vec<hmac::Key>,
    conduct: Conduct,
    /// Requests since it was told its conduct.
    met: u64,
    /// Says that another conduct was told, to those that hang.
    told: watch::Sender<()>,
    arrivals: VecDeque<Arrival>,
}

/// A receiver, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverView {
    pub name: String,
    /// Where it receives.
    pub url: String,
    /// How many secrets it knows.
    pub secrets: usize,
    pub conduct: Conduct,
    /// How many requests it has got, wrong ones too.
    pub arrived: usize,
    /// How many messages it keeps, each counted once.
    pub taken: usize,
}

impl Inbox {
    pub(crate) fn new(host: Host, base_url: String) -> Self {
        Self { inner: Arc::new(Inner { host, base_url, state: Mutex::default() }) }
    }

    /// The receivers' paths, below their prefix.
    pub(crate) fn platform(&self) -> Router {
        serve::routes().with_state(self.clone())
    }

    /// The paths by which other processes steer them.
    pub(crate) fn control(&self) -> Router {
        control::routes().with_state(self.clone())
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets { keys: self.state().secrets.clone(), ..Secrets::default() }
    }

    /// The address of a receiver, whether or not it was told anything. Without a secret it takes no signature for right.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.inner.base_url)
    }

    /// Tells a receiver the secrets that it knows, in place of those that it knew: two while one is being changed.
    ///
    /// # Errors
    /// When a text is not a secret. Then it knows what it knew.
    pub fn know(&self, name: &str, secrets: &[impl AsRef<str>]) -> Result<(), NotASecret> {
        let keys = secrets.iter().map(|secret| verify::key(secret.as_ref())).collect::<Result<_, _>>()?;
        let mut state = self.state();
        state.secrets.extend(secrets.iter().map(|secret| secret.as_ref().to_owned()));
        state.receivers.entry(name.to_owned()).or_default().keys = keys;
        Ok(())
    }

    /// Tells a receiver how to treat requests from now on. Those that hang are answered.
    pub fn behave(&self, name: &str, conduct: Conduct) {
        let mut state = self.state();
        let receiver = state.receivers.entry(name.to_owned()).or_default();
        (receiver.conduct, receiver.met) = (conduct, 0);
        receiver.told.send_replace(());
    }

    /// Everything that a receiver got, oldest first, whatever was answered.
    #[must_use]
    pub fn arrivals(&self, name: &str) -> Vec<Arrival> {
        self.state().receivers.get(name).map(|receiver| receiver.arrivals.iter().cloned().collect()).unwrap_or_default()
    }

    /// The messages that a receiver keeps: of those with one `webhook-id` the first that it has taken.
    #[must_use]
    pub fn distinct(&self, name: &str) -> Vec<Arrival> {
        self.state().receivers.get(name).map(|receiver| receiver.distinct().cloned().collect()).unwrap_or_default()
    }

    /// Forgets what a receiver got; false when nobody has told it anything or sent it anything.
    pub fn empty(&self, name: &str) -> bool {
        self.state().receivers.get_mut(name).map(|receiver| receiver.arrivals.clear()).is_some()
    }

    /// All receivers that were told or sent something.
    #[must_use]
    pub fn receivers(&self) -> Vec<ReceiverView> {
        self.state().receivers.iter().map(|(name, receiver)| receiver.view(name, self.url(name))).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> &Host {
        &self.inner.host
    }
}

impl Receiver {
    fn distinct(&self) -> impl Iterator<Item = &Arrival> {
        let mut seen = HashSet::new();
        self.arrivals.iter().filter(move |arrival| arrival.is_taken() && seen.insert(arrival.id()))
    }

    fn view(&self, name: &str, url: String) -> ReceiverView {
        ReceiverView {
            name: name.to_owned(),
            url,
            secrets: self.keys.len(),
            conduct: self.conduct.clone(),
            arrived: self.arrivals.len(),
            taken: self.distinct().count(),
        }
    }
}
