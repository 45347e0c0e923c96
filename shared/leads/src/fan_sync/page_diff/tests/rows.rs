//! Syncs, pages and leads for these tests.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use kernel::ids::{TaskId, UserId};

use super::super::*;
use crate::store::lead::LeadStatus;
use crate::store::sync_task::{StartedBy, SyncStatus, SyncStrategy};

pub(super) const ACCOUNT: &str = "account";
pub(super) const OTHER: &str = "other-account";
pub(super) const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

pub(super) fn id(text: &str) -> OpenId {
    text.parse().unwrap()
}

pub(super) fn progress(strategy: SyncStrategy) -> Progress {
    let now = "2026-11-20T00:00:00Z".parse().unwrap();
    let task = SyncTask {
        task_id: TaskId::generate(now),
        user_id: UserId::new(1).unwrap(),
        account_open_id: id(ACCOUNT),
        strategy,
        started_by: StartedBy::User,
        trace_id: None,
        status: SyncStatus::Processing,
        walk: Walk { cursor: 20, checkpoint: 20, ..Walk::default() },
        counters: Counters { pages: 1, seen: 20, created: 10, updated: 4, unchanged: 6, skipped: 0, unfollowed: 2 },
        total: Some(40),
        seen_leads: serde_bytes::ByteBuf::new(),
        page_taken: serde_bytes::ByteBuf::new(),
        unseen_leads: None,
        lease_owner: None,
        attempts: 3,
        next_action_at: None,
        dispatched_at: None,
        queued_at: None,
        waits_for: None,
        waits_since: None,
        error_type: None,
        error_message: None,
        error_remedy: None,
        create_time: now,
        started_at: None,
        finished_at: None,
    };
    Progress::new(task, Lease::new(now, Duration::from_secs(60)), Arc::default()).unwrap()
}

pub(super) fn fan(open_id: &str, nickname: &str, avatar_url: &str) -> Fan {
    Fan { open_id: id(open_id), union_id: None, nickname: nickname.to_owned(), avatar_url: avatar_url.to_owned() }
}

pub(super) fn page(fans: &[Fan]) -> FanPage {
    FanPage { fans: fans.to_vec(), skipped: 0, total: Some(30), cursor: 40, has_more: true, log_id: None }
}

/// A lead called `old`, with these sources, of which these were unfollowed.
pub(super) fn lead(lead_id: u64, open_id: &str, sources: &[&str], unfollowed: &[&str]) -> Lead {
    let set = |texts: &[&str]| texts.iter().map(|&text| id(text)).collect::<BTreeSet<_>>();
    Lead {
        user_id: UserId::new(1).unwrap(),
        fan_open_id: id(open_id),
        lead_id: LeadId::new(lead_id),
        nickname: "old".to_owned(),
        avatar_url: "https://old".to_owned(),
        acquire_time: NOW - SignedDuration::from_secs(100),
        status: LeadStatus::Contacted,
        notes: "mine".to_owned(),
        owner: None,
        unified_lead_id: None,
        sources: set(sources),
        unfollowed: set(unfollowed),
        merged: BTreeSet::new(),
        other_fans: BTreeSet::new(),
        version: 1,
        update_time: NOW - SignedDuration::from_secs(100),
    }
}

/// What a page changes that fits one transaction.
pub(super) fn whole<'a>(
    progress: &'a Progress,
    page: &'a FanPage,
    known: &'a [Lead],
    read: &Counter,
) -> Result<(LeadChanges<'a>, Position)> {
    let open = OpenPage::new(page, &progress.task, 5_000);
    let part = progress.page_changes(&open, open.next(0, usize::MAX), &known_as(known), read, NOW)?;
    assert_eq!(part.fans, open.fans.len());
    Ok((part.changes, part.position))
}

/// Fans who are these leads.
pub(super) fn known_as(leads: &[Lead]) -> KnownFans<'_> {
    let leads = leads.iter().map(|lead| (lead.fan_open_id.clone(), (lead, lead.lead_id)));
    KnownFans { leads: leads.collect(), erased: HashMap::new() }
}

pub(super) fn counter(lead_count: u64) -> Counter {
    Counter {
        lead_count,
        last_acquire_time: NOW - SignedDuration::from_secs(100),
        accounts: vec![id(ACCOUNT)],
        version: 7,
        ..Counter::default()
    }
}
