//! `t_douyin_lead_index`: what makes lists and searches cheap at any size, kept beside the leads and written in the
//! same transactions.
//!
//! Lead ids are dense and times never decrease with them, so a page is a key range and a time range is an id range.
//! Per tenant the table holds, told apart by the prefix of `entry`:
//!
//! | entry | holds |
//! |---|---|
//! | `counter` | how many ids were handed out, the last acquire time, how many accounts were met, how many ids of each block are gone |
//! | `accounts` | the accounts met so far |
//! | `mark#<time>` | the first and last lead acquired at that second |
//! | `name#<segment>` | for 32 leads: accounts and folded nickname |
//! | `set#<block>#<set>` | of 4,096 ids, those of the leads that are CONTACTED or CONVERTED, and those that are GONE |
//! | `tally` | how many leads are CONTACTED, how many CONVERTED |
//! | `owner#<owner>#<block>` | of 4,096 ids, those of the leads that somebody works |
//! | `note#<lead>` | the folded newest note of a lead that shows one |
//! | `followup#<lead>#<version>` | a note of a lead: text, when, who |
//! | `merge#<lead>` | what a merge of this lead into another one did |
//! | `edit#<lead>#<version>` | who changed what of a lead, and when |
//! | `retention` | how far the leads were looked at for those that are kept for nothing |
//!
//! Notes stand alone so that a long one makes neither a segment large nor its neighbours' edits expensive. What people
//! change (status, notes) and what a sync changes (nickname, accounts) are in different rows, so neither waits for the other.

mod erase;
mod follow_up;
mod holes;
mod id_sets;
mod lookup;
mod merge_log;
mod owner_sets;
mod retention;
pub mod segment;
mod status_sets;
mod write;

pub(crate) use erase::OwnEntries;
pub use follow_up::FollowUp;
pub use holes::Holes;
pub(crate) use holes::Place;
pub(crate) use id_sets::block_of;
pub use lookup::{Bounds, EditRecord};
pub(crate) use lookup::{Freshness, IndexedLead};
pub(crate) use merge_log::{MergeLog, MergedFields, merge_key, survivor};
pub(crate) use retention::{BETWEEN_PASSES, Retention};
pub use status_sets::StatusCounts;
pub(crate) use status_sets::{GoneBlocks, StatusSets};
pub(crate) use write::LeadEdit;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use kernel::Clock;
use kernel::dynamo::{Item, n, s};
use kernel::ids::UserId;
use serde::Deserialize;

use crate::ids::{LeadId, OpenId, OwnerId};
use crate::store::lead::Lead;
use segment::NameEntry;

/// How many leads share a segment. At most 32 × 1.2 KB: far below the 400 KB an item may have.
pub const SEGMENT_LEADS: u64 = 32;

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Counter {
    /// How many ids were handed out, which is the highest of them too.
    #[serde(default)]
    pub lead_count: u64,
    /// The acquire time of the newest lead.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::required")]
    pub last_acquire_time: Timestamp,
    /// The accounts that ever contributed a lead; segments refer to them by position. They are in a row of their own, which only
    /// who needs them reads: a tenant with a million leads has hundreds.
    #[serde(skip)]
    pub accounts: Vec<OpenId>,
    /// How many they are. A counter that was read without them still says it, and cannot be written.
    #[serde(default)]
    pub account_count: usize,
    /// How many ids of each block stand for nobody in the list any more.
    #[serde(default)]
    pub holes: Holes,
    /// How many erased people a sync must not bring back.
    #[serde(default)]
    pub erased_fans: u64,
    /// How many leads were merged into others.
    #[serde(default)]
    pub merged_leads: u64,
    /// Grows with every change a sync makes and with every id that goes, so that whoever has planned from an older state
    /// plans anew.
    #[serde(default)]
    pub version: u64,
}

impl Counter {
    /// How many leads there are.
    pub fn present(&self) -> u64 {
        self.lead_count.saturating_sub(self.holes.total())
    }

    /// The position of an account among those met, which it takes now if it is new.
    pub fn ordinal(&mut self, account: &OpenId) -> usize {
        self.accounts.iter().position(|known| known == account).unwrap_or_else(|| {
            self.accounts.push(account.clone());
            self.account_count = self.accounts.len();
            self.account_count - 1
        })
    }

    /// What a search sees of a lead.
    pub(crate) fn name_of(&mut self, lead: &Lead) -> NameEntry {
        let follows = |source: &OpenId| !lead.unfollowed.contains(source);
        let mut accounts: Vec<(usize, bool)> =
            lead.sources.iter().map(|source| (self.ordinal(source), follows(source))).collect();
        accounts.sort_unstable();
        NameEntry::new(accounts, &lead.nickname)
    }

    /// The position of an account, if it was met.
    pub fn known(&self, account: &str) -> Option<usize> {
        self.accounts.iter().position(|known| known.as_str() == account)
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct LeadIndexStore {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) table: String,
}

/// The segment a lead belongs to.
pub fn segment_of(lead_id: LeadId) -> u64 {
    lead_id.get().saturating_sub(1) / SEGMENT_LEADS
}

/// A lead's attribute name within its segment.
fn slot_of(lead_id: LeadId) -> u64 {
    lead_id.get().saturating_sub(1) % SEGMENT_LEADS
}

/// The lead at a slot of a segment.
fn lead_at(segment: u64, slot: u64) -> LeadId {
    LeadId::new(segment * SEGMENT_LEADS + slot + 1)
}

fn name_entry(segment: u64) -> String {
    format!("name#{segment:012}")
}

fn set_entry(block: u32, set: &str) -> String {
    format!("set#{block:07}#{set}")
}

/// The owner may be any text: what follows its last `#` is the block, so no two sets have one entry.
fn owner_entry(owner: &OwnerId, block: u32) -> String {
    format!("owner#{owner}#{block:07}")
}

fn follow_up_entry(lead_id: LeadId, version: u64) -> String {
    format!("followup#{:014}#{version:010}", lead_id.get())
}

fn merge_entry(lead_id: LeadId) -> String {
    format!("merge#{:014}", lead_id.get())
}

fn note_entry(lead_id: LeadId) -> String {
    format!("note#{:014}", lead_id.get())
}

fn time_marker_entry(time: Timestamp) -> String {
    format!("mark#{:011}", time.as_second())
}

fn edit_entry(lead_id: LeadId, version: u64) -> String {
    format!("edit#{:014}#{version:010}", lead_id.get())
}

fn key(user_id: UserId, entry: impl Into<String>) -> Item {
    Item::from([("user_id".to_owned(), n(user_id)), ("entry".to_owned(), s(entry))])
}
