//! Receivers of webhooks, one for each name: `POST /inbox/<name>`. Each looks at the signature as Standard Webhooks has it,
//! answers as well or as badly as it is told to, and keeps what arrived. Beside them are group bots, which are receivers with a
//! vendor's own form and signature.

mod arrival;
mod bot;
mod conduct;
mod control;
mod serve;
mod take_in;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use axum::Router;
use serde::Serialize;
use tokio::sync::watch;

use self::bot::Bot;
use crate::host::Host;
use crate::secrets::Secrets;

pub use arrival::Arrival;
pub use bot::{BotKind, BotSpec};
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
    secrets: Secrets,
}

#[derive(Default)]
struct Receiver {
    /// Where it is a bot.
    bot: Option<Bot>,
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
    /// Whose bot it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotKind>,
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
        self.state().secrets.clone()
    }

    /// The address of a receiver, whether or not it was told anything. Without a secret it takes no signature for right.
    /// The name `dingtalk` is taken: that vendor's bots have their token in the query.
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
        state.secrets.keys.extend(secrets.iter().map(|secret| secret.as_ref().to_owned()));
        state.receivers.entry(name.to_owned()).or_default().keys = keys;
        Ok(())
    }

    /// Adds a bot and returns its address. A name that is a receiver's already is the bot's from then on.
    pub fn add_bot(&self, name: &str, spec: BotSpec) -> String {
        let bot = Bot::new(spec);
        let url = self.url(&bot.path());
        let mut state = self.state();
        state.secrets.tokens.insert(bot.token.clone());
        state.secrets.keys.extend(bot.secret.clone());
        state.receivers.entry(name.to_owned()).or_default().bot = Some(bot);
        url
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

    /// The messages that a receiver keeps: of those with one `webhook-id` the first that it has taken. What
    /// has no id, as messages to bots, is kept each time.
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
        self.state().receivers.iter().map(|(name, receiver)| receiver.view(name, |path| self.url(path))).collect()
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
        self.arrivals
            .iter()
            .filter(move |arrival| arrival.is_taken() && (arrival.id().is_empty() || seen.insert(arrival.id())))
    }

    fn view(&self, name: &str, url: impl Fn(&str) -> String) -> ReceiverView {
        ReceiverView {
            name: name.to_owned(),
            url: self.bot.as_ref().map_or_else(|| url(name), |bot| url(&bot.path())),
            bot: self.bot.as_ref().map(|bot| bot.kind),
            secrets: self.keys.len(),
            conduct: self.conduct.clone(),
            arrived: self.arrivals.len(),
            taken: self.distinct().count(),
        }
    }
}
