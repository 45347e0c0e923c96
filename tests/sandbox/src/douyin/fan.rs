//! The fans of one account. A fan is an index: who it is follows from the account's seed, so twelve thousand of them
//! cost a few hundred kilobytes, and the JSON of a fan is written once, when it is first listed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::seed::Seed;

/// How many of the newest fans the platform lets anyone retrieve.
pub const RETRIEVABLE: usize = 5_000;

/// A fan as the platform would show it, for comparing with what arrived elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FanView {
    /// The fan's id for this developer's app.
    pub open_id: String,
    /// Absent for some.
    pub union_id: Option<String>,
    /// Absent for some, empty for others.
    pub nickname: Option<String>,
    /// Absent for some.
    pub avatar: Option<String>,
    /// Whether it is among the newest fans that can be listed at all.
    pub retrievable: bool,
}

/// A change of an account's fans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FanChange {
    /// New fans who have never followed before.
    pub add: u32,
    pub unfollow: u32,
    /// Fans who had left and come back, the last to leave first.
    pub refollow: u32,
    /// Fans who take another nickname and avatar.
    pub rename: u32,
}

/// The open_ids a change touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FansChanged {
    pub added: Vec<String>,
    pub unfollowed: Vec<String>,
    pub refollowed: Vec<String>,
    /// Who has another nickname now.
    pub renamed: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Fan {
    /// Position in the order in which fans ever appeared; also the tie to everything derived.
    pub(crate) index: u32,
    revision: u32,
    written: Option<Written>,
}

/// A fan's JSON, cut so that the gender, the one number in it, can be written either way.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) fields: Arc<str>,
    pub(crate) gender: Option<i64>,
    pub(crate) nickname: Option<Arc<str>>,
}

/// Fans, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct FanSet {
    seed: Seed,
    fans: Vec<Fan>,
    gone: Vec<Fan>,
    ever: u32,
    /// Grows with every change, so that orders computed before are recognised as outdated.
    pub(crate) generation: u64,
}

impl FanSet {
    pub(crate) fn new(seed: Seed, count: u32) -> Self {
        let fans = (0..count).map(Fan::new).collect();
        Self { seed, fans, gone: Vec::new(), ever: count, generation: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.fans.len()
    }

    pub(crate) const fn seed(&self) -> Seed {
        self.seed
    }

    /// Places of the newest fans, the only ones that can be listed.
    pub(crate) fn retrievable(&self) -> std::ops::Range<usize> {
        self.fans.len().saturating_sub(RETRIEVABLE)..self.fans.len()
    }

    pub(crate) fn index_at(&self, place: usize) -> Option<u32> {
        self.fans.get(place).map(|fan| fan.index)
    }

    pub(crate) fn written_at(&mut self, place: usize) -> Option<Written> {
        let seed = self.seed;
        let fan = self.fans.get_mut(place)?;
        let written = fan.written.take().unwrap_or_else(|| Profile::of(seed, fan.index, fan.revision).write());
        fan.written = Some(written.clone());
        Some(written)
    }

    /// Which fan, in the order in which they ever appeared, has this open_id.
    pub(crate) fn index_of(&self, open_id: &str) -> Option<u32> {
        self.fans.iter().map(|fan| fan.index).find(|index| Profile::open_id(self.seed, *index) == open_id)
    }

    pub(crate) fn views(&self) -> Vec<FanView> {
        let retrievable = self.retrievable();
        let view = |(place, fan): (usize, &Fan)| {
            let profile = Profile::of(self.seed, fan.index, fan.revision);
            FanView {
                open_id: profile.open_id,
                union_id: profile.union_id,
                nickname: profile.nickname,
                avatar: profile.avatar,
                retrievable: retrievable.contains(&place),
            }
        };
        self.fans.iter().enumerate().map(view).collect()
    }

    pub(crate) fn change(&mut self, change: FanChange) -> FansChanged {
        self.generation += 1;
        let mut stream = self.seed.with_text("change").with(self.generation).stream();
        let mut changed = FansChanged::default();
        for _ in 0..change.unfollow.min(u32::try_from(self.fans.len()).unwrap_or(u32::MAX)) {
            let place = usize::try_from(stream.below(self.fans.len() as u64)).unwrap_or_default();
            let fan = self.fans.remove(place);
            changed.unfollowed.push(Profile::open_id(self.seed, fan.index));
            self.gone.push(fan);
        }
        let from = stream.below(self.fans.len() as u64);
        let seed = self.seed;
        for step in 0..u64::from(change.rename).min(self.fans.len() as u64) {
            let place = (from + step).checked_rem(self.fans.len() as u64).and_then(|place| usize::try_from(place).ok());
            if let Some(fan) = place.and_then(|place| self.fans.get_mut(place)) {
                fan.revision += 1;
                fan.written = None;
                changed.renamed.push(Profile::open_id(seed, fan.index));
            }
        }
        // Those who left in this very change do not come back in it.
        let may_return = self.gone.len() - changed.unfollowed.len();
        for _ in 0..change.refollow.min(u32::try_from(may_return).unwrap_or(u32::MAX)) {
            let fan = self.gone.remove(self.gone.len() - changed.unfollowed.len() - 1);
            changed.refollowed.push(Profile::open_id(self.seed, fan.index));
            self.fans.push(fan);
        }
        for _ in 0..change.add {
            changed.added.push(Profile::open_id(self.seed, self.ever));
            self.fans.push(Fan::new(self.ever));
            self.ever += 1;
        }
        changed
    }
}

impl Fan {
    const fn new(index: u32) -> Self {
        Self { index, revision: 0, written: None }
    }
}
