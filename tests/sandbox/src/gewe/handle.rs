//! What tests in the same process do with the gateway. Other processes do the same through `control.rs`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::device::{DeviceSpec, DeviceState, DeviceView};
use super::endpoint::GeweEndpoint;
use super::fetch::Download;
use super::post::{Attached, Author, Post, PostView, Shown};
use super::settings::GeweSettings;
use super::webhook::CallbackDelivery;
use super::{Gewe, GeweFault};
use crate::clock::later;
use crate::fault::ArmedFault;

const FRIEND_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

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

    /// Somebody else logs in on a device, by their `wxid_…`; false for an unknown device. What was posted stays its
    /// author's.
    pub fn log_in(&self, device: &str, wxid: &str) -> bool {
        self.change(device, |device| wxid.clone_into(&mut device.wxid))
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

    /// Everything that was posted, by devices and by hands, oldest first: the truth, whatever was answered. Posts of
    /// friends that are no devices are not among it.
    #[must_use]
    pub fn published_posts(&self) -> Vec<PostView> {
        let world = self.world();
        world.posts.all().filter(|post| world.devices.contains_key(&post.device)).map(Post::view).collect()
    }

    /// What one device posted, by hand or not, oldest first.
    #[must_use]
    pub fn posts_of(&self, device: &str) -> Vec<PostView> {
        self.world().posts.all().filter(|post| post.device == device).map(Post::view).collect()
    }

    /// What the gateway has downloaded, oldest first.
    #[must_use]
    pub fn downloads(&self) -> Vec<Download> {
        self.world().downloads.clone()
    }

    /// The owner posts on the phone itself: it shows up in the list like any other post, and no one called the gateway.
    /// It is no publication of ours, so the journal knows nothing of it. Nothing for an unknown device.
    pub fn post_by_hand(&self, device: &str, text: &str) -> Option<u64> {
        let now: Timestamp = self.host().now();
        let mut world = self.world();
        let author = Author { shadowed: false, ..Author::from(world.devices.get(device)?) };
        let shown = Shown { in_feed: now, in_contacts: now };
        let post = world.posts.add(author, text.to_owned(), Attached::Nothing, now, shown);
        post.by_hand = true;
        Some(post.id)
    }

    /// Somebody who is no device here and a friend of all of them posts: it shows up in the feeds, and is nobody's
    /// publication. The same name is the same person. Nothing for the name of a device.
    pub fn post_by_friend(&self, friend: &str, text: &str) -> Option<u64> {
        let now: Timestamp = self.host().now();
        let mut world = self.world();
        if world.devices.contains_key(friend) {
            return None;
        }
        let wxid = world.seed.with_text("friend").with_text(friend).stream().text(FRIEND_ALPHABET, 14);
        let author = Author {
            name: friend.to_owned(),
            wxid: format!("wxid_{wxid}"),
            nickname: friend.to_owned(),
            shadowed: false,
        };
        let shown = Shown { in_feed: now, in_contacts: now };
        let post = world.posts.add(author, text.to_owned(), Attached::Nothing, now, shown);
        post.by_hand = true;
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

    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Everything armed since the last clearing, with how often it was met.
    #[must_use]
    pub fn faults(&self) -> Vec<ArmedFault<GeweEndpoint>> {
        self.world().faults.list()
    }
}
