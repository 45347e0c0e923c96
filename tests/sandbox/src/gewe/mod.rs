//! A gateway that drives personal WeChat accounts, after the contract of GeWe: its moments, signs of life and messages.
//!
//! It really fetches what it is told to post, hands out ids above 2^63 as bare JSON numbers, answers HTTP 200 to
//! everything it knows, and has no way to recognise a repetition. Phones can be off the line, say they are on it and fail
//! (zombie), be too new to post, or be shown to nobody but themselves (shadowed).

mod api;
mod control;
mod device;
mod endpoint;
mod fetch;
mod gateway;
mod handle;
mod post;
mod settings;
mod strict;
#[cfg(test)]
mod tests;
mod webhook;
mod world;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;

use crate::fault::Fault;
use crate::host::Host;
use crate::secrets::Secrets;
use crate::seed::Seed;
use world::World;

pub use device::{DeviceSpec, DeviceState, DeviceView};
pub use endpoint::GeweEndpoint;
pub use fetch::Download;
pub use post::PostView;
pub use settings::{GeweSettings, XmlStyle};
pub use webhook::CallbackDelivery;

/// A fault of the gateway. Its account is a device's sandbox name.
pub type GeweFault = Fault<GeweEndpoint>;

/// What a gateway starts with.
#[derive(Clone)]
pub struct GeweConfig {
    /// The value of `X-GEWE-TOKEN`; made up from the sandbox's seed when absent, like everything devices are known by,
    /// so that accounts connected to an earlier sandbox of the same seed still work.
    pub token: Option<String>,
    /// The devices there are.
    pub devices: Vec<DeviceSpec>,
    pub settings: GeweSettings,
}

impl Default for GeweConfig {
    fn default() -> Self {
        Self { token: None, devices: DeviceSpec::defaults(), settings: GeweSettings::default() }
    }
}

/// The running gateway; clones are handles to the same one.
#[derive(Clone)]
pub struct Gewe {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    base_url: String,
    world: Mutex<World>,
}

impl Gewe {
    pub(crate) fn new(config: GeweConfig, host: Host, base_url: String, seed: Seed) -> Self {
        let seed = seed.with_text("gewe");
        let token = config.token.unwrap_or_else(|| seed.with_text("token").stream().text(b"0123456789abcdef", 32));
        let mut world = World::new(seed, config.settings, token);
        for device in config.devices {
            world.add_device(device, host.now());
        }
        Self { inner: Arc::new(Inner { host, base_url, world: Mutex::new(world) }) }
    }

    /// The gateway's paths, below its prefix.
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
}
