//! The phones behind the gateway: one personal WeChat account each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seed::Seed;

const ID_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
const WXID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const NICKNAMES: [&str; 8] =
    ["阳光小店长", "花艺工作室", "老王装修记", "小满的日常", "山里的茶农", "慢慢走咖啡", "北城团购群主", "木子烘焙坊"];

/// How a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeviceState {
    #[default]
    Online,
    /// Known to be off the line.
    Offline,
    /// Says it is on line, and fails at everything.
    Zombie,
}

/// A device to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceSpec {
    /// The name tests know it by.
    pub name: String,
    /// `wx_…`; made up when absent.
    #[serde(default)]
    pub app_id: Option<String>,
    /// Its WeChat nickname; made up when absent.
    #[serde(default)]
    pub nickname: Option<String>,
    /// Whose WeChat is logged in on it, `wxid_…`; made up when absent.
    #[serde(default)]
    pub wxid: Option<String>,
    #[serde(default)]
    pub state: DeviceState,
    /// Virtual time for which it cannot post yet: vendors speak of one to three days after a first login.
    #[serde(default)]
    pub cooldown_seconds: u64,
    /// The token it was bought under; the sandbox's first one when absent.
    #[serde(default)]
    pub token: Option<String>,
}

impl DeviceSpec {
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The devices every sandbox begins with: three that work.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        ["phone-1", "phone-2", "phone-3"].map(Self::new).into()
    }
}

/// What a sandbox says about one of its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Its name in the sandbox.
    pub name: String,
    /// What calls name it by.
    pub app_id: String,
    pub wxid: String,
    pub nickname: String,
    pub state: DeviceState,
    /// Until when it cannot post yet.
    pub cooldown_until: Option<Timestamp>,
    /// Whether only its owner sees what it posts.
    pub shadowed: bool,
}

/// A file the gateway fetched, as it must come back unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Uploaded {
    pub(crate) file_url: String,
    pub(crate) thumb_url: String,
    pub(crate) file_md5: String,
    pub(crate) length: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) pixels: Option<Pixels>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) app_id: String,
    pub(crate) wxid: String,
    pub(crate) nickname: String,
    pub(crate) token: String,
    pub(crate) state: DeviceState,
    pub(crate) cooldown_until: Option<Timestamp>,
    pub(crate) shadowed: bool,
    pub(crate) last_post: Option<Timestamp>,
    /// By `fileUrl`.
    pub(crate) uploads: BTreeMap<String, Uploaded>,
    /// Exclusive calls under way.
    pub(crate) busy: u32,
}

impl Device {
    pub(crate) fn new(spec: DeviceSpec, first_token: &str, sandbox: Seed, now: Timestamp) -> Self {
        let mut draw = sandbox.with_text("device").with_text(&spec.name).stream();
        let cooldown = jiff::SignedDuration::from_secs(spec.cooldown_seconds.try_into().unwrap_or(i64::MAX));
        Self {
            app_id: spec.app_id.unwrap_or_else(|| format!("wx_{}", draw.text(ID_ALPHABET, 21))),
            wxid: {
                let made_up = format!("wxid_{}", draw.text(WXID_ALPHABET, 14));
                spec.wxid.unwrap_or(made_up)
            },
            nickname: spec.nickname.unwrap_or_else(|| draw.pick(&NICKNAMES).to_owned()),
            token: spec.token.unwrap_or_else(|| first_token.to_owned()),
            state: spec.state,
            cooldown_until: (spec.cooldown_seconds > 0).then(|| crate::clock::later(now, cooldown)),
            shadowed: false,
            last_post: None,
            uploads: BTreeMap::new(),
            busy: 0,
            name: spec.name,
        }
    }

    pub(crate) fn view(&self) -> DeviceView {
        DeviceView {
            name: self.name.clone(),
            app_id: self.app_id.clone(),
            wxid: self.wxid.clone(),
            nickname: self.nickname.clone(),
            state: self.state,
            cooldown_until: self.cooldown_until,
            shadowed: self.shadowed,
        }
    }
}
