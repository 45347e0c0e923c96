//! Everything the simulated gateway knows, behind one lock: a call sees it between two others, never during one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::device::{Device, DeviceSpec};
use super::endpoint::GeweEndpoint;
use super::fetch::Download;
use super::post::{Attached, Author, Post, Posts, Shown};
use super::settings::GeweSettings;
use crate::clock::later;
use crate::fault::Faults;
use crate::publication::Publication;
use crate::secrets::Secrets;
use crate::seed::Seed;

/// A part of a callback address shorter than this is no secret but a word.
const SECRET_LENGTH: usize = 16;

pub(crate) struct World {
    pub(crate) seed: Seed,
    pub(crate) settings: GeweSettings,
    /// The first one is the sandbox's own.
    pub(crate) tokens: Vec<String>,
    pub(crate) devices: BTreeMap<String, Device>,
    /// Sandbox names by `appId`.
    names: HashMap<String, String>,
    pub(crate) posts: Posts,
    pub(crate) callback: Option<Url>,
    pub(crate) faults: Faults<GeweEndpoint>,
    /// Parts of callback addresses, which are all that protects them.
    callback_secrets: BTreeSet<String>,
    /// Nicknames that left the gateway.
    shown_nicknames: BTreeSet<String>,
    uploads: u64,
    /// What was downloaded so far, in this order.
    pub(crate) downloads: Vec<Download>,
}

impl World {
    pub(crate) fn new(seed: Seed, settings: GeweSettings, token: String) -> Self {
        Self {
            seed,
            settings,
            tokens: vec![token],
            devices: BTreeMap::new(),
            names: HashMap::new(),
            posts: Posts::default(),
            callback: None,
            faults: Faults::default(),
            callback_secrets: BTreeSet::new(),
            shown_nicknames: BTreeSet::new(),
            uploads: 0,
            downloads: Vec::new(),
        }
    }

    pub(crate) fn token(&self) -> &str {
        self.tokens.first().map_or("", String::as_str)
    }

    /// Adds a device, or leaves the one of that name as it is.
    pub(crate) fn add_device(&mut self, spec: DeviceSpec, now: Timestamp) -> &Device {
        self.tokens.extend(spec.token.clone().filter(|token| !self.tokens.contains(token)));
        let (seed, token) = (self.seed, self.token().to_owned());
        let device = self.devices.entry(spec.name.clone()).or_insert_with(|| Device::new(spec, &token, seed, now));
        self.names.insert(device.app_id.clone(), device.name.clone());
        device
    }

    pub(crate) fn name_of(&self, app_id: &str) -> Option<&str> {
        self.names.get(app_id).map(String::as_str)
    }

    pub(crate) fn set_callback(&mut self, callback: Option<Url>) {
        let parts = callback.iter().filter_map(Url::path_segments).flatten();
        self.callback_secrets.extend(parts.filter(|part| part.len() >= SECRET_LENGTH).map(str::to_owned));
        self.callback = callback;
    }

    /// A name for a file that was fetched; different for every one.
    pub(crate) fn upload_name(&mut self) -> String {
        self.uploads += 1;
        self.seed
            .with_text("upload")
            .with(self.uploads)
            .stream()
            .text(b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 60)
    }

    /// A device whose nickname is about to be shown.
    pub(crate) fn show(&mut self, name: &str) -> Option<&Device> {
        let device = self.devices.get(name)?;
        self.shown_nicknames.insert(device.nickname.clone());
        Some(device)
    }

    /// A nickname is about to leave the gateway.
    pub(crate) fn show_nickname(&mut self, nickname: String) {
        self.shown_nicknames.insert(nickname);
    }

    /// It is posted: from here on the world has seen it. Nothing for an unknown device.
    pub(crate) fn publish(
        &mut self,
        device: &str,
        text: String,
        attached: Attached,
        now: Timestamp,
    ) -> Option<(u64, Publication)> {
        let after = |seconds: u64| later(now, SignedDuration::from_secs(seconds.try_into().unwrap_or(i64::MAX)));
        let shown = Shown {
            in_feed: after(self.settings.list_delay_seconds),
            in_contacts: after(self.settings.contact_list_delay_seconds),
        };
        let device = self.devices.get_mut(device)?;
        device.last_post = Some(now);
        let post = self.posts.add(Author::from(&*device), text, attached, now, shown);
        Some((post.id, post.publication()))
    }

    /// Whether a device's account sees a post: its own, or one of a friend that is shown to others.
    pub(crate) fn sees(&self, device: &str, post: &Post) -> bool {
        let is_friend = self.settings.devices_are_friends || !self.devices.contains_key(&post.device);
        post.device == device || (is_friend && !post.shadowed)
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets {
            keys: self.callback_secrets.clone(),
            tokens: self.tokens.iter().cloned().collect(),
            nicknames: self.shown_nicknames.clone(),
            ..Secrets::default()
        }
    }
}
