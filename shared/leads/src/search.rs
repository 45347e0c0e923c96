//! Finding leads by keyword or account without reading whole leads.

use futures::{StreamExt, TryStreamExt, stream};
use kernel::ids::UserId;
use roaring::{MultiOps, RoaringBitmap};

use crate::error::Result;
use crate::ids::OwnerId;
use crate::store::bitmap::bitmap_id;
use crate::store::lead::LeadStatus;
use crate::store::lead_index::segment::normalize;
use crate::store::lead_index::{Bounds, Counter, Freshness, LeadIndexStore, SEGMENT_LEADS};

/// One request reads at most 1 MB. 768 segments of 32 leads with usual nicknames stay below it, so that a range is
/// usually one request and the ranges are read side by side.
const RANGE: u64 = 768 * SEGMENT_LEADS;
/// Ranges read at once.
const PARALLEL: usize = 8;

/// What to look for; an absent part matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the nickname or the notes, letter case and width aside.
    pub keyword: Option<String>,
    pub status: Option<LeadStatus>,
    /// The account it came from, whether it still follows it or not.
    pub source: Option<String>,
    /// Who works it.
    pub owner: Option<OwnerId>,
}

impl Filter {
    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the segments have to be read for it: which leads have a status or an owner is known without them.
    pub fn needs_search(&self) -> bool {
        self.keyword.is_some() || self.source.is_some()
    }
}

/// The ids of all leads of `bounds` that match by keyword and account.
pub async fn find(
    index: &LeadIndexStore,
    user_id: UserId,
    bounds: Bounds,
    counter: &Counter,
    filter: &Filter,
) -> Result<RoaringBitmap> {
    let source = match &filter.source {
        None => None,
        Some(account) => match counter.known(account) {
            Some(ordinal) => Some(ordinal),
            None => return Ok(RoaringBitmap::new()),
        },
    };
    let keyword = filter.keyword.as_deref().map(normalize);
    // Notes first: few leads have some, and knowing them one pass over the segments decides.
    let noted = match &keyword {
        Some(keyword) => index.search_notes(user_id, bounds, keyword).await?,
        None => Default::default(),
    };
    let matches = &|sighting: &crate::store::lead_index::IndexedLead| {
        source.is_none_or(|source| sighting.entry.accounts.iter().any(|(ordinal, _)| *ordinal == source))
            && keyword
                .as_deref()
                .is_none_or(|keyword| sighting.entry.nickname.contains(keyword) || noted.contains(&sighting.lead_id))
    };
    let first_range = bounds.first.saturating_sub(1) / RANGE;
    let last_range = bounds.last.saturating_sub(1) / RANGE;
    let found: Vec<RoaringBitmap> = stream::iter((first_range..=last_range).rev())
        .map(|range| async move {
            let part =
                Bounds { first: bounds.first.max(range * RANGE + 1), last: bounds.last.min((range + 1) * RANGE) };
            let mut found = Vec::new();
            index
                .sightings(user_id, part, Freshness::Eventual, |sighting| {
                    if matches(&sighting) {
                        found.push(sighting.lead_id);
                    }
                })
                .await?;
            found.into_iter().map(bitmap_id).collect::<kernel::Result<RoaringBitmap>>()
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    Ok(found.union())
}
