//! What tests in the same process do with the gateway. Other processes do the same through `control.rs`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::device::{DeviceSpec, DeviceState, DeviceView};
use super::endpoint::GeweEndpoint;
use super::post::{Attached, Post, PostView};
use super::settings::GeweSettings;
use super::webhook::CallbackDelivery;
use super::{Gewe, GeweFault};
use crate::clock::later;
use crate::fault::ArmedFault;

impl Gewe {
    /// The gateway's base URL; its paths begin with `/gewe/v2/api` below it.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// The sandbox's own token, the value of `X-GEWE-TOKEN`.
    #[must_use]
    pub fn token(&self) -> String {
        self.world().token().to_owned()
    }

    /// Turns knobs.
    pub fn configure(&self, change: impl FnOnce(&mut GeweSettings)) {
        change(&mut self.world().settings);
    }

    /// The knobs as they stand.
    #[must_use]
    pub fn settings(&self) -> GeweSettings {
        self.world().settings.clone()
    }

    /// Adds a device; one of that name stays as it is.
    pub fn add_device(&self, device: DeviceSpec) -> DeviceView {
        let now = self.host().now();
        self.world().add_device(device, now).view()
    }

    /// The devices, by name.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceView> {
        self.world().devices.values().map(super::device::Device::view).collect()
    }

    /// A device by its sandbox name.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<DeviceView> {
        self.world().devices.get(name).map(super::device::Device::view)
    }

    /// Puts a device into a state without telling anyone; false for an unknown one. [`Gewe::go_offline`] tells.
    pub fn set_state(&self, device: &str, state: DeviceState) -> bool {
        self.change(device, |device| device.state = state)
    }

    /// A device cannot post for so long from now on, as if it had just been logged in; false for an unknown one.
    pub fn cool_down(&self, device: &str, duration: Duration) -> bool {
        let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        let until = later(self.host().now(), duration);
        self.change(device, |device| device.cooldown_until = Some(until))
    }

    /// From now on nobody but the account itself sees what it posts, and no answer tells; false for an unknown device.
    pub fn shadow(&self, device: &str, shadowed: bool) -> bool {
        self.change(device, |device| device.shadowed = shadowed)
    }

    fn change(&self, device: &str, change: impl FnOnce(&mut super::device::Device)) -> bool {
        self.world().devices.get_mut(device).map(change).is_some()
    }

    /// Sets or removes the address the gateway's messages go to, without trying it out.
    pub fn set_callback(&self, address: Option<Url>) {
        self.world().set_callback(address);
    }

    /// A device drops off the line, and the callback address is told, `copies` more times than once. Nothing for an
    /// unknown device or without a callback address.
    pub async fn go_offline(&self, device: &str, copies: u32) -> Option<CallbackDelivery> {
        let message = self.offline_message(device)?;
        self.set_state(device, DeviceState::Offline);
        self.call_back(message, Some(device), copies).await
    }

    /// Everything that was posted, by devices and by hands, oldest first: the truth, whatever was answered.
    #[must_use]
    pub fn published_posts(&self) -> Vec<PostView> {
        self.world().posts.all().map(Post::view).collect()
    }

    /// What one device posted, by hand or not, oldest first.
    #[must_use]
    pub fn posts_of(&self, device: &str) -> Vec<PostView> {
        self.world().posts.all().filter(|post| post.device == device).map(Post::view).collect()
    }

    /// The owner posts on the phone itself: it shows up in the list like any other post, and no one called the gateway.
    /// It is no publication of ours, so the journal knows nothing of it. Nothing for an unknown device.
    pub fn post_by_hand(&self, device: &str, text: &str) -> Option<u64> {
        let now: Timestamp = self.host().now();
        let mut world = self.world();
        let device = world.devices.get(device)?.clone();
        let post = world.posts.add(&device, text.to_owned(), Attached::Nothing, now, now);
        (post.by_hand, post.shadowed) = (true, false);
        Some(post.id)
    }

    /// Arms a fault and returns its number.
    pub fn arm(&self, fault: GeweFault) -> u64 {
        self.world().faults.arm(fault)
    }

    /// Removes a fault; false when there is none of this number.
    pub fn disarm(&self, id: u64) -> bool {
        self.world().faults.disarm(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Everything armed since the last clearing, with how often it was met.
    #[must_use]
    pub fn faults(&self) -> Vec<ArmedFault<GeweEndpoint>> {
        self.world().faults.list()
    }
}
