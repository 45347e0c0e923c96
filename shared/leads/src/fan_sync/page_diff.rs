//! What a page of fans changes of the tenant's leads. Pure: leads and a page in, changes out; nothing is read or written
//! here.
//!
//! | strategy | a fan who is no lead | a lead met again | a lead of the account that was not met |
//! |---|---|---|---|
//! | INCREMENTAL | becomes one | follows this account too, if it did not before | stays as it is |
//! | FULL | becomes one | takes over nickname and avatar, and follows again | is marked as unfollowed |
//!
//! Neither touches what is the user's own: status and notes.

use std::collections::{HashMap, HashSet};

use kernel::error::{Error, Result};
use kernel::lease::Lease;
use roaring::RoaringBitmap;

use crate::douyin::{Fan, FanPage};
use crate::ids::{LeadId, OpenId};
use crate::store::lead::{Lead, NewLead, Refresh};
use crate::store::lead_index::Counter;
use crate::store::lead_index::segment::{NameEntry, normalize};
use crate::store::page_commit::{LeadChanges, Position, met_of};
use crate::store::sync_task::{Counters, SyncStrategy, SyncTask};

/// Longer nicknames are cut: Douyin allows 20 characters, so this only bounds what a broken answer can store.
const NICKNAME_CHARACTERS: usize = 200;

/// A sync as its worker knows it.
#[derive(Debug)]
pub(super) struct Progress {
    /// The task as last committed.
    pub task: SyncTask,
    /// The worker's lease on it.
    pub lease: Lease,
    /// The tenant's counter as last committed by this worker, which may be out of date.
    pub counter: Option<Counter>,
    met: RoaringBitmap,
}

impl Progress {
    /// The progress of a task just claimed with `lease`.
    pub fn new(task: SyncTask, lease: Lease) -> Result<Self> {
        let met = met_of(&task)?;
        Ok(Self { task, lease, counter: None, met })
    }

    /// How many different fans this walk has met (FULL only).
    pub fn met(&self) -> u64 {
        self.met.len()
    }

    /// Whether this walk has met the lead.
    pub fn has_met(&self, lead_id: LeadId) -> bool {
        u32::try_from(lead_id.get()).is_ok_and(|id| self.met.contains(id))
    }

    /// Takes over what was committed.
    pub fn advance(&mut self, position: Position) {
        self.task.cursor = position.cursor;
        self.task.fully_listed = position.fully_listed;
        self.task.total = position.total;
        self.task.counters = position.counters;
        self.task.attempts = 0;
        self.met = position.met;
    }

    /// What `page` changes, where `known` are the leads among its fans and `read` the tenant's counter, both read for
    /// it, the counter first.
    pub fn page_changes<'a>(
        &'a self,
        page: &'a FanPage,
        known: &'a [Lead],
        read: &Counter,
        now: i64,
    ) -> Result<(LeadChanges<'a>, Position)> {
        let task = &self.task;
        let account = &task.account_open_id;
        let known: HashMap<&OpenId, &Lead> = known.iter().map(|lead| (&lead.fan_open_id, lead)).collect();
        let mut changes = LeadChanges { counter: read.clone(), ..LeadChanges::default() };
        let mut met = self.met.clone();
        let acquire_time = now.max(read.last_acquire_time);
        for fan in distinct(page) {
            let counter = &mut changes.counter;
            if let Some(lead) = known.get(&fan.open_id) {
                met.insert(bitmap_id(lead.lead_id)?);
                if let Some(change) = Change::of(lead, fan, task) {
                    changes.names.push((lead.lead_id, change.entry(lead, account, counter)));
                    changes.refreshed.push((lead, change.refresh(lead, account)));
                }
                continue;
            }
            counter.lead_count += 1;
            counter.last_acquire_time = acquire_time;
            let lead_id = LeadId::new(counter.lead_count);
            met.insert(bitmap_id(lead_id)?);
            let nickname = truncated(&fan.nickname);
            let accounts = vec![(counter.ordinal(account), true)];
            changes.names.push((lead_id, NameEntry { accounts, nickname: normalize(&nickname) }));
            changes.created.push(NewLead {
                user_id: task.user_id,
                fan_open_id: &fan.open_id,
                union_id: fan.union_id.as_deref(),
                lead_id,
                nickname,
                avatar_url: &fan.avatar_url,
                source: account,
                acquire_time,
            });
        }
        let (seen, created, updated) =
            (page.fans.len() as u64, changes.created.len() as u64, changes.refreshed.len() as u64);
        let position = Position {
            cursor: page.cursor,
            fully_listed: !page.has_more,
            // The highest count of the walk: who leaves in mid-walk moves the list up, and somebody else is missed.
            total: page.total.max(task.total),
            counters: Counters {
                pages: task.counters.pages + 1,
                seen: task.counters.seen + seen,
                created: task.counters.created + created,
                updated: task.counters.updated + updated,
                unchanged: task.counters.unchanged + seen - created - updated,
                unfollowed: task.counters.unfollowed,
            },
            met,
        };
        Ok((changes, position))
    }

    /// What it changes that these leads were not met on the whole list.
    pub fn unfollowed_changes<'a>(&'a self, missing: &'a [Lead], read: &Counter) -> (LeadChanges<'a>, Position) {
        let task = &self.task;
        let account = &task.account_open_id;
        let mut changes = LeadChanges { counter: read.clone(), ..LeadChanges::default() };
        for lead in missing {
            let change =
                Change { nickname: lead.nickname.clone(), avatar_url: lead.avatar_url.clone(), follows: false };
            changes.names.push((lead.lead_id, change.entry(lead, account, &mut changes.counter)));
            changes.refreshed.push((lead, change.refresh(lead, account)));
        }
        let mut counters = task.counters;
        counters.unfollowed += missing.len() as u64;
        let (cursor, fully_listed, total, met) = (task.cursor, task.fully_listed, task.total, self.met.clone());
        (changes, Position { cursor, fully_listed, total, counters, met })
    }
}

/// What a sync changes of a known lead.
struct Change {
    nickname: String,
    avatar_url: String,
    follows: bool,
}

impl Change {
    /// The change a fan means for the lead it is, if any. An absent nickname or avatar says nothing.
    fn of(lead: &Lead, fan: &Fan, task: &SyncTask) -> Option<Self> {
        let full = task.strategy == SyncStrategy::Full;
        let account = &task.account_open_id;
        let take = |new: &str, old: &str| if full && !new.is_empty() { new.to_owned() } else { old.to_owned() };
        let change = Self {
            nickname: take(&truncated(&fan.nickname), &lead.nickname),
            avatar_url: take(&fan.avatar_url, &lead.avatar_url),
            follows: true,
        };
        let follows_anew = !lead.sources.contains(account) || (full && lead.unfollowed.contains(account));
        let differs = change.nickname != lead.nickname || change.avatar_url != lead.avatar_url;
        (follows_anew || differs).then_some(change)
    }

    /// The change of the lead's row.
    fn refresh<'a>(self, lead: &Lead, account: &'a OpenId) -> Refresh<'a> {
        let elsewhere = lead.sources.iter().any(|source| source != account && !lead.unfollowed.contains(source));
        Refresh {
            nickname: self.nickname,
            avatar_url: self.avatar_url,
            source: account,
            follows_source: self.follows,
            follows_any: self.follows || elsewhere,
        }
    }

    /// What a search is to see of the lead.
    fn entry(&self, lead: &Lead, account: &OpenId, counter: &mut Counter) -> NameEntry {
        let mut accounts: Vec<(usize, bool)> = lead
            .sources
            .iter()
            .filter(|source| *source != account)
            .map(|source| (counter.ordinal(source), !lead.unfollowed.contains(source)))
            .collect();
        accounts.push((counter.ordinal(account), self.follows));
        accounts.sort_unstable();
        NameEntry { accounts, nickname: normalize(&self.nickname) }
    }
}

/// The fans of a page once each: Douyin's pages can repeat a fan.
pub(super) fn distinct(page: &FanPage) -> impl Iterator<Item = &Fan> {
    let mut met = HashSet::new();
    page.fans.iter().filter(move |fan| met.insert(&fan.open_id))
}

fn truncated(nickname: &str) -> String {
    nickname.chars().take(NICKNAME_CHARACTERS).collect()
}

/// Lead ids as the bitmap holds them: four thousand million leads of one tenant are beyond everything else here.
fn bitmap_id(lead_id: LeadId) -> Result<u32> {
    u32::try_from(lead_id.get()).map_err(|_| Error::Corrupt("lead id"))
}

#[cfg(test)]
mod tests;
