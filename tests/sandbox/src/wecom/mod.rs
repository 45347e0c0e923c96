//! WeCom (企业微信) as far as this project uses it: tokens, files for moments, moments of the corp and the members who
//! publish them.
//!
//! It checks in the order the real one was seen to check, answers failures with HTTP 200 and empty lists, creates
//! moments as jobs on the virtual clock, and never publishes anything by itself: a member has to tap, which is
//! [`Wecom::confirm`].

mod api;
mod audience;
mod content;
mod control;
mod corp;
mod endpoint;
mod error;
mod files;
mod form;
mod gateway;
mod handle;
mod limits;
mod moment;
mod settings;
mod strict;
#[cfg(test)]
mod tests;
mod tokens;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use jiff::Timestamp;

use crate::fault::Fault;
use crate::host::Host;
use crate::journal::Entry;
use crate::publication::Publication;
use crate::secrets::Secrets;
use crate::seed::Seed;
use world::World;

pub use corp::{AppSpec, CorpSpec, CorpView, MemberSpec};
pub use endpoint::WecomEndpoint;
pub use files::{FileKind, FileView};
pub use handle::ByHand;
pub use moment::{ConfirmError, MomentTaskView};
pub use settings::{TimeForm, TokenIssue, Validation, WecomLimits, WecomSettings};

/// A fault of WeCom. Its account is a corp's sandbox name.
pub type WecomFault = Fault<WecomEndpoint>;

/// What a WeCom starts with.
#[derive(Clone)]
pub struct WecomConfig {
    /// The corps there are.
    pub corps: Vec<CorpSpec>,
    pub settings: WecomSettings,
}

impl Default for WecomConfig {
    fn default() -> Self {
        Self { corps: vec![CorpSpec::new("corp-1"), CorpSpec::new("corp-2")], settings: WecomSettings::default() }
    }
}

/// The running platform; clones are handles to the same one.
#[derive(Clone)]
pub struct Wecom {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    base_url: String,
    world: Mutex<World>,
}

impl Wecom {
    pub(crate) fn new(config: WecomConfig, host: Host, base_url: String, seed: Seed) -> Self {
        let mut world = World::new(seed.with_text("wecom"), config.settings);
        for corp in config.corps {
            world.add_corp(corp);
        }
        Self { inner: Arc::new(Inner { host, base_url, world: Mutex::new(world) }) }
    }

    /// The platform's paths, below its prefix.
    pub(crate) fn platform(&self) -> Router {
        gateway::routes().with_state(self.clone())
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

    fn host(&self) -> &Host {
        &self.inner.host
    }

    /// Lets the members publish whose time has come. Every call and every look does so first.
    pub(crate) fn catch_up(&self) {
        let now = self.host().now();
        self.settle(&mut self.world(), now);
    }

    /// Lets the members publish who do so by themselves.
    fn settle(&self, world: &mut World, now: Timestamp) {
        for (at, publication) in world.moments.settle(now) {
            self.record_post(at, publication);
        }
    }

    fn record_post(&self, at: Timestamp, publication: Publication) {
        self.host().record(Entry {
            at,
            endpoint: "member/publish".to_owned(),
            code: Some(0),
            account: Some(publication.account.clone()),
            publication: Some(Box::new(publication)),
            ..Entry::default()
        });
    }
}
