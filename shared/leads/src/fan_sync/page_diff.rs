//! What a page of fans changes of the tenant's leads. Pure: leads and a page in, changes out; nothing is read or written
//! here.
//!
//! | strategy | a fan who is no lead | a lead met again | a lead of the account that was not met |
//! |---|---|---|---|
//! | INCREMENTAL | becomes one | follows this account, if it did not or did not any more | stays as it is |
//! | FULL | becomes one | the same, and takes over nickname and avatar | is marked as unfollowed |
//!
//! Neither touches what is the user's own: status and notes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use kernel::error::Result;
use kernel::lease::Lease;
use roaring::RoaringBitmap;

use super::action_budget::ActionBudget;
use super::lead_change::{LeadChange, truncated};
use super::turns::Turn;
use super::walk::{self, PageNews};
use crate::douyin::{Fan, FanPage};
use crate::ids::{LeadId, OpenId};
use crate::store::account::SyncSchedule;
use crate::store::bitmap::{bitmap, bitmap_id};
use crate::store::lead::{Lead, NewLead};
use crate::store::lead_index::Counter;
use crate::store::lead_index::segment::NameEntry;
use crate::store::page_commit::{LeadChanges, Position};
use crate::store::sync_task::{Counters, SyncTask, Walk};

/// A sync as its worker knows it.
#[derive(Debug)]
pub(super) struct Progress {
    /// The task as last committed.
    pub task: SyncTask,
    /// The worker's lease on it.
    pub lease: Lease,
    /// The turn to commit among this worker's syncs of the tenant.
    pub turn: Arc<Turn>,
    /// The schedule of the account, once it was read.
    pub schedule: Option<SyncSchedule>,
    /// After so many pages in a row with nothing but known fans the list is left; absent when it has to be walked to its end.
    pub enough_known: Option<u32>,
    /// The access token that the last call was made with, by its version, once a call has failed.
    pub failed_with: Option<u64>,
    seen_leads: RoaringBitmap,
    /// The leads already counted of the page at the cursor, by whichever worker.
    page_taken: RoaringBitmap,
    unseen_leads: Option<RoaringBitmap>,
}

/// A page on its way into the tables.
#[derive(Debug)]
pub(super) struct OpenPage<'a> {
    page: &'a FanPage,
    /// Its fans once each: Douyin's pages can repeat one.
    fans: Vec<&'a Fan>,
    /// How many of them this worker has committed.
    committed: usize,
    /// Where the walk is once all of it is.
    pub walk: Walk,
}

/// Who of a page's fans is known.
#[derive(Debug, Default)]
pub(super) struct KnownFans<'a> {
    /// The leads that fans are, and under which id each was first one: two fans can be one lead by now.
    pub leads: HashMap<OpenId, (&'a Lead, LeadId)>,
    /// The leads that fans were whose person was erased. They are met like a lead that has not changed, and nothing is
    /// written of them.
    pub erased: HashMap<OpenId, LeadId>,
}

/// The decided change of a part of a page.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub changes: LeadChanges<'a>,
    pub position: Position,
    /// How many fans it covers.
    pub fans: usize,
}

impl<'a> OpenPage<'a> {
    /// `page` as the next one of `task`. A list of more than `most_pages` has no end.
    pub fn new(page: &'a FanPage, task: &SyncTask, most_pages: u64) -> Self {
        let mut seen_fans = HashSet::new();
        let fans = page.fans.iter().filter(|fan| seen_fans.insert(&fan.open_id)).collect();
        let walk = walk::after(&task.walk, page, task.counters.pages + 1, most_pages);
        Self { page, fans, committed: 0, walk }
    }

    /// The next fans to be committed after `skipped` others, at most `most`.
    pub fn next(&self, skipped: usize, most: usize) -> &[&'a Fan] {
        let next = self.fans.get(self.committed + skipped..).unwrap_or_default();
        next.get(..next.len().min(most)).unwrap_or_default()
    }

    /// Takes over that the next `fans` are committed.
    pub fn advance(&mut self, fans: usize) {
        self.committed += fans;
    }

    /// Whether all of it is committed.
    pub fn is_done(&self) -> bool {
        self.committed >= self.fans.len()
    }
}

impl Progress {
    /// The progress of a task just claimed with `lease`.
    pub fn new(task: SyncTask, lease: Lease, turn: Arc<Turn>) -> Result<Self> {
        let bitmap = |bytes: &[u8]| bitmap("sync task", bytes);
        let (seen_leads, page_taken) = (bitmap(&task.seen_leads)?, bitmap(&task.page_taken)?);
        let unseen_leads = task.unseen_leads.as_deref().map(|bytes| bitmap(bytes)).transpose()?;
        Ok(Self {
            task,
            lease,
            turn,
            schedule: None,
            enough_known: None,
            failed_with: None,
            seen_leads,
            page_taken,
            unseen_leads,
        })
    }

    /// Whether the list is left after the next page if it brings nobody new: then it is not worth a call to fetch the one
    /// after it beside the commit.
    pub fn may_leave_after_next(&self) -> bool {
        self.enough_known.is_some_and(|enough| self.task.walk.known_pages + 1 >= enough)
    }

    /// How many different fans this walk has met; FULL only.
    pub fn seen_leads(&self) -> u64 {
        self.seen_leads.len()
    }

    /// Whether this walk has met the lead.
    pub fn has_seen(&self, lead_id: LeadId) -> bool {
        u32::try_from(lead_id.get()).is_ok_and(|id| self.seen_leads.contains(id))
    }

    /// Whether the lead was counted of the page at the cursor, which a worker before this one committed in part.
    pub fn is_taken(&self, lead_id: LeadId) -> bool {
        u32::try_from(lead_id.get()).is_ok_and(|id| self.page_taken.contains(id))
    }

    /// Whether that these leads were not met shows that they do not follow any more. A list from which most of those who
    /// were known are missing shows rather that it is not the list: a hidden one and a degraded answer look like that.
    pub fn proves_missing(&self, unseen_leads: &[LeadId]) -> bool {
        let known_before = self.seen_leads.len().saturating_sub(self.task.counters.created);
        unseen_leads.len() as u64 <= known_before
    }

    /// The leads still to be marked as unfollowed, at most `most`; `None` before they were looked for.
    pub fn next_missing(&self, most: usize) -> Option<Vec<LeadId>> {
        let unseen_leads = self.unseen_leads.as_ref()?;
        Some(unseen_leads.iter().take(most).map(|id| LeadId::new(id.into())).collect())
    }

    /// Has these leads marked as unfollowed; they are written with the first of them that are.
    pub fn set_missing(&mut self, unseen_leads: &[LeadId]) -> Result<()> {
        self.unseen_leads = Some(unseen_leads.iter().map(|id| bitmap_id(*id)).collect::<Result<_>>()?);
        Ok(())
    }

    /// Takes over what was committed.
    pub fn advance(&mut self, position: Position) {
        self.task.walk = position.walk;
        self.task.total = position.total;
        self.task.counters = position.counters;
        self.task.attempts = 0;
        self.seen_leads = position.seen_leads;
        self.page_taken = position.page_taken;
        self.unseen_leads = position.unseen_leads;
    }

    /// What the next of `open`'s fans change, as many of `fans` as fit one transaction, where `known` are those of them who
    /// are known and `read` the tenant's counter, both read for it, the counter first.
    pub fn page_changes<'a>(
        &'a self,
        open: &OpenPage<'a>,
        fans: &[&'a Fan],
        known: &KnownFans<'a>,
        read: &Counter,
        now: Timestamp,
    ) -> Result<Part<'a>> {
        let task = &self.task;
        let account = &task.account_open_id;
        let mut changes = LeadChanges { counter: read.clone(), ..LeadChanges::default() };
        let (mut seen_leads, mut page_taken) = (self.seen_leads.clone(), self.page_taken.clone());
        let mut budget = ActionBudget::new(read.lead_count, read.known(account.as_str()).is_none());
        let acquire_time = now.max(read.last_acquire_time);
        let (mut covered, mut counted) = (0, 0);
        for fan in fans {
            let counter = &mut changes.counter;
            let lead = known.leads.get(&fan.open_id).copied();
            let erased = known.erased.get(&fan.open_id).copied();
            if lead.map(|(_, own)| own).or(erased).is_some_and(|id| self.is_taken(id)) {
                // A worker before this one counted it and then died.
                covered += 1;
                continue;
            }
            let id = match (lead, erased) {
                (None, Some(erased)) => erased,
                (Some((lead, own)), _) => {
                    if let Some(change) = LeadChange::of_seen(lead, fan, task) {
                        // Two fans of the page are this lead, and a transaction writes no row twice.
                        if changes.refreshed.iter().any(|(other, _)| other.lead_id == lead.lead_id) {
                            break;
                        }
                        let entry = change.entry(lead, account, counter);
                        if !budget.take_changed(lead.lead_id, entry.is_some()) {
                            break;
                        }
                        changes.names.extend(entry.map(|entry| (lead.lead_id, entry)));
                        changes.refreshed.push((lead, change.refresh(lead, account)));
                    }
                    own
                }
                (None, None) => {
                    let lead_id = LeadId::new(counter.lead_count + 1);
                    if !budget.take_new(lead_id) {
                        break;
                    }
                    counter.lead_count += 1;
                    counter.last_acquire_time = acquire_time;
                    let nickname = truncated(&fan.nickname);
                    let accounts = vec![(counter.ordinal(account), true)];
                    changes.names.push((lead_id, NameEntry::new(accounts, &nickname)));
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
                    lead_id
                }
            };
            let id = bitmap_id(id)?;
            seen_leads.insert(id);
            page_taken.insert(id);
            covered += 1;
            counted += 1;
        }
        let page = open.page;
        let is_last = open.committed + covered >= open.fans.len();
        let (created, updated) = (changes.created.len() as u64, changes.refreshed.len() as u64);
        let repeated = if is_last { page.fans.len() - open.fans.len() } else { 0 };
        let seen = (counted + repeated) as u64;
        let counters = Counters {
            pages: task.counters.pages + u64::from(is_last),
            seen: task.counters.seen + seen,
            created: task.counters.created + created,
            updated: task.counters.updated + updated,
            unchanged: task.counters.unchanged + seen - created - updated,
            skipped: task.counters.skipped + if is_last { page.skipped } else { 0 },
            unfollowed: task.counters.unfollowed,
        };
        let news = match (changes.is_empty() && self.page_taken.is_empty(), page.fans.is_empty(), page.skipped) {
            (true, true, 0) => PageNews::Nobody,
            (true, false, 0) => PageNews::OnlyKnown,
            // A part of a page that was committed before has changed something, or it would not have been one.
            _ => PageNews::Some,
        };
        let position = Position {
            walk: if is_last { walk::settled(open.walk, news, self.enough_known) } else { task.walk },
            // The highest count of the walk: who leaves in mid-walk moves the list up, and somebody else is missed.
            total: page.total.max(task.total),
            counters,
            seen_leads,
            page_taken: if is_last { RoaringBitmap::new() } else { page_taken },
            unseen_leads: None,
        };
        Ok(Part { changes, position, fans: covered })
    }

    /// What it changes that these leads, which are all or some of the missing, were not met on the whole list. Those
    /// marked already are not counted once more.
    pub fn unfollowed_changes<'a>(
        &'a self,
        leads: &'a [Lead],
        of: &[LeadId],
        read: &Counter,
    ) -> Result<(LeadChanges<'a>, Position)> {
        let task = &self.task;
        let account = &task.account_open_id;
        let mut changes = LeadChanges { counter: read.clone(), ..LeadChanges::default() };
        for lead in leads.iter().filter(|lead| !lead.unfollowed.contains(account)) {
            let change = LeadChange::of_unseen(lead);
            let entry = change.entry(lead, account, &mut changes.counter);
            changes.names.extend(entry.map(|entry| (lead.lead_id, entry)));
            changes.refreshed.push((lead, change.refresh(lead, account)));
        }
        let mut unseen_leads = self.unseen_leads.clone().unwrap_or_default();
        for lead_id in of {
            unseen_leads.remove(bitmap_id(*lead_id)?);
        }
        let mut counters = task.counters;
        counters.unfollowed += changes.refreshed.len() as u64;
        let position = Position {
            walk: task.walk,
            total: task.total,
            counters,
            seen_leads: self.seen_leads.clone(),
            page_taken: RoaringBitmap::new(),
            unseen_leads: Some(unseen_leads),
        };
        Ok((changes, position))
    }
}

#[cfg(test)]
mod tests;
