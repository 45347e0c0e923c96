//! Posts and their ids. An id is the milliseconds since 1970 shifted left by 23 bits with a count below them, as in the
//! gateway's own samples: above 2^63, and ruined by whoever takes it for a floating point number.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::device::{Device, Uploaded};
use crate::publication::{Publication, PublicationKind, text_hash};

const COUNT_BITS: u32 = 23;

/// What a post consists of beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attached {
    Nothing,
    Images(Vec<Uploaded>),
    Video(Uploaded),
    Link { title: String, description: String, url: String, thumb: String },
}

impl Attached {
    pub(crate) const fn count(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Images(images) => images.len(),
            Self::Video(_) | Self::Link { .. } => 1,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) id: u64,
    /// The author's sandbox name: a device, or a friend of everybody who is none.
    pub(crate) device: String,
    pub(crate) author: String,
    pub(crate) nickname: String,
    pub(crate) at: Timestamp,
    pub(crate) text: String,
    pub(crate) attached: Attached,
    pub(crate) by_hand: bool,
    pub(crate) shadowed: bool,
    pub(crate) deleted: bool,
    /// When it shows up in the feed.
    pub(crate) listed_from: Timestamp,
    /// When it shows up in the list of its author's posts.
    pub(crate) contact_listed_from: Timestamp,
}

/// Who wrote a post.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) name: String,
    pub(crate) wxid: String,
    pub(crate) nickname: String,
    /// Nobody else sees what they post.
    pub(crate) shadowed: bool,
}

impl From<&Device> for Author {
    fn from(device: &Device) -> Self {
        let (name, wxid) = (device.name.clone(), device.wxid.clone());
        Self { name, wxid, nickname: device.nickname.clone(), shadowed: device.shadowed }
    }
}

/// When a post shows up in the two lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) in_feed: Timestamp,
    pub(crate) in_contacts: Timestamp,
}

/// A post as it really is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostView {
    /// Its id, above 2^63; a text here so that nobody's JSON reader spoils it.
    #[serde(serialize_with = "as_text")]
    pub id: u64,
    /// The device, by its sandbox name.
    pub device: String,
    pub at: Timestamp,
    pub text: String,
    /// By what the journal knows the text.
    pub text_hash: String,
    /// Pictures, or one for a video or a link.
    pub media: usize,
    /// Made on the phone, not through the gateway.
    pub by_hand: bool,
    /// Nobody but the author sees it, and no answer tells.
    pub shadowed: bool,
    pub deleted: bool,
}

fn as_text<S: serde::Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl Post {
    pub(crate) fn view(&self) -> PostView {
        PostView {
            id: self.id,
            device: self.device.clone(),
            at: self.at,
            text_hash: text_hash(&self.text),
            text: self.text.clone(),
            media: self.attached.count(),
            by_hand: self.by_hand,
            shadowed: self.shadowed,
            deleted: self.deleted,
        }
    }

    pub(crate) fn publication(&self) -> Publication {
        let (account, id, media) = (self.device.clone(), self.id.to_string(), self.attached.count());
        Publication::new(PublicationKind::GatewayPost, account, id, &self.text, media)
    }
}

/// Every post there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Posts {
    posts: BTreeMap<u64, Post>,
    count: u64,
}

impl Posts {
    pub(crate) fn add(
        &mut self,
        author: Author,
        text: String,
        attached: Attached,
        now: Timestamp,
        shown: Shown,
    ) -> &mut Post {
        self.count += 1;
        let mut id = first_id(now, self.count);
        while self.posts.contains_key(&id) {
            id += 1;
        }
        self.posts.entry(id).or_insert_with(|| Post {
            id,
            device: author.name,
            author: author.wxid,
            nickname: author.nickname,
            at: now,
            text,
            attached,
            by_hand: false,
            shadowed: author.shadowed,
            deleted: false,
            listed_from: shown.in_feed,
            contact_listed_from: shown.in_contacts,
        })
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Post> {
        self.posts.values()
    }

    /// The posts there are with ids below `before` (0: all), newest first.
    pub(crate) fn below(&self, before: u64) -> impl Iterator<Item = &Post> {
        let end = if before == 0 { u64::MAX } else { before };
        self.posts.range(..end).rev().map(|(_, post)| post).filter(|post| !post.deleted)
    }

    /// Removes one of a device's posts; false when it has none of this id.
    pub(crate) fn delete(&mut self, device: &str, id: u64) -> bool {
        let post = self.posts.get_mut(&id).filter(|post| post.device == device && !post.deleted);
        post.map(|post| post.deleted = true).is_some()
    }
}

fn first_id(now: Timestamp, count: u64) -> u64 {
    // The largest time that fits lies in 2039; a clock moved further than that gets ids of that year.
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default().min(u64::MAX >> COUNT_BITS);
    // Odd, so that no rounding to a multiple of 2048 leaves it as it was.
    let below = ((count << 8) | ((count * 151) & 0xfe) | 1) & ((1 << COUNT_BITS) - 1);
    milliseconds << COUNT_BITS | below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "that is the point"
    )]
    fn gewe_post_ids_look_like_the_samples_and_exceed_floating_point() {
        // The sample id 14287779828924756671 belongs to the post of 1703236082.
        let at: Timestamp = "2023-12-22T09:08:02.664Z".parse().unwrap();
        let id = first_id(at, 1);
        assert_eq!(id >> COUNT_BITS, 14_287_779_828_924_756_671 >> COUNT_BITS);
        assert!(id > 1 << 63);
        assert_ne!((id as f64) as u64, id);
        assert!(first_id(Timestamp::MAX, 1) > id);
    }
}
