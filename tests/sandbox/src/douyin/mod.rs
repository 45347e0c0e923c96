//! The Douyin Open Platform as far as this project uses it: consent, tokens, profile, fans, webhooks.
//!
//! It behaves as the documents say (`Settings` holds the choices where they are silent), checks what it is sent, writes
//! everything into the journal, and does whatever fault it is told to. One simplification: an open_id is unique per
//! sandbox instead of per app, because a sandbox's apps belong to one developer and only one of them is ever real.

mod account;
mod api;
mod app;
mod authority;
mod client_token;
mod consent;
mod consent_page;
mod control;
mod endpoint;
mod envelope;
mod error;
mod fan;
mod fault;
mod gateway;
mod handle;
mod json;
mod limits;
mod lists;
mod nickname;
mod pass;
mod profile;
mod request;
mod settings;
mod webhook;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::journal::{Entry, Journal};
use crate::secrets::Secrets;
use crate::seed::Seed;
use app::App;
use world::World;

pub use account::{AccountSpec, AccountView};
pub use app::{AppSpec, RENEW_REFRESH_TOKEN};
pub use consent::Decision;
pub use endpoint::Endpoint;
pub use fan::{FanChange, FanView, FansChanged, RETRIEVABLE};
pub use fault::{ArmedFault, Effect, Fault};
pub use handle::{ConsentError, GrantView, Revocation, TokenSet};
pub use lists::{ListEnd, Lists};
pub use settings::{Disorder, FansEnvelope, Numbers, RateLimit, Settings, UserInfoEnvelope};
pub use webhook::{Delivery, SignedWebhook, WebhookEvent, signature};

/// What a Douyin platform starts with.
#[derive(Clone)]
pub struct DouyinConfig {
    /// The app under development.
    pub app: AppSpec,
    /// The users there are.
    pub accounts: Vec<AccountSpec>,
    pub settings: Settings,
}

impl Default for DouyinConfig {
    fn default() -> Self {
        Self { app: AppSpec::fake(), accounts: AccountSpec::defaults(), settings: Settings::default() }
    }
}

/// The running platform; clones are handles to the same one.
#[derive(Clone)]
pub struct Douyin {
    inner: Arc<Inner>,
}

struct Inner {
    base_url: String,
    client_key: String,
    clock: Clock,
    journal: Journal,
    world: Mutex<World>,
    shutdown: watch::Receiver<bool>,
    http: OnceLock<Option<reqwest::Client>>,
}

impl Douyin {
    pub(crate) fn new(
        config: DouyinConfig,
        base_url: String,
        seed: Seed,
        clock: Clock,
        journal: Journal,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let mut world = World::new(seed.with_text("douyin"), config.settings, clock.now());
        let client_key = config.app.client_key.clone();
        world.apps.insert(client_key.clone(), App::new(config.app));
        for account in config.accounts {
            world.add_account(account);
        }
        let (world, http) = (Mutex::new(world), OnceLock::new());
        Self { inner: Arc::new(Inner { base_url, client_key, clock, journal, world, shutdown, http }) }
    }

    /// The platform's paths, below its prefix.
    pub(crate) fn platform(&self) -> Router {
        gateway::routes().merge(consent::routes()).with_state(self.clone())
    }

    /// The paths by which other processes steer it.
    pub(crate) fn control(&self) -> Router {
        control::routes().with_state(self.clone())
    }

    pub(crate) fn secrets(&self) -> Secrets {
        self.world().secrets()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    fn journal(&self, entry: Entry) {
        let at = if entry.at == Timestamp::UNIX_EPOCH { self.clock().now() } else { entry.at };
        self.inner.journal.record(Entry { platform: "douyin", at, ..entry });
    }

    fn latency(&self) -> Duration {
        Duration::from_millis(self.world().settings.latency_milliseconds)
    }

    /// Real time passes, at most until the sandbox shuts down.
    async fn pause(&self, duration: Duration) {
        if !duration.is_zero() {
            let _either_way = tokio::time::timeout(duration, self.until_shutdown()).await;
        }
    }

    async fn until_shutdown(&self) {
        let mut shutdown = self.inner.shutdown.clone();
        // An error means that the sandbox is gone, which is as good as told.
        let _gone = shutdown.wait_for(|is_over| *is_over).await.is_err();
    }

    /// Built at the first webhook: loading trust roots is not worth it for a sandbox that sends none.
    fn http_client(&self) -> Option<&reqwest::Client> {
        let build = || reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().ok();
        self.inner.http.get_or_init(build).as_ref()
    }
}
