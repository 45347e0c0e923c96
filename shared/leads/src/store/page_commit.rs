//! One page of fans becomes leads in one transaction: the leads, the tenant's counter, the index, and the task's
//! cursor and counters. A crash anywhere leaves either all of a page or nothing of it, so a resumed sync loses
//! nothing, doubles nothing and counts exactly.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::Clock;
use kernel::dynamo::{self, Outcome, Refusal, n};
use kernel::error::{Error, Result};
use kernel::lease::Lease;
use roaring::RoaringBitmap;
use serde_bytes::ByteBuf;

use super::lead::{Lead, LeadStore, NewLead, Refresh};
use super::lead_index::segment::{NameEntry, fold};
use super::lead_index::{Counter, LeadIndexStore};
use super::sync_task::{Counters, SyncStrategy, SyncTask, SyncTaskStore};
use super::update;
use crate::douyin::{Fan, FanPage};

/// How often a page is planned anew because another sync of the tenant committed in between.
const REPLANS: u32 = 20;

/// Longer nicknames are cut: Douyin allows 20 characters, so this only bounds what a broken answer can store.
const NICKNAME_CHARACTERS: usize = 200;

/// A sync as its worker knows it: the task as last committed, and the tenant's counter if it is known.
#[derive(Debug)]
pub struct Progress {
    /// The task as the table has it.
    pub task: SyncTask,
    /// The worker's lease on the task.
    pub lease: Lease,
    counter: Option<Counter>,
    met: RoaringBitmap,
}

impl Progress {
    /// The progress of a task just claimed with `lease`.
    pub fn new(task: SyncTask, lease: Lease) -> Result<Self> {
        let met = if task.met.is_empty() {
            RoaringBitmap::new()
        } else {
            RoaringBitmap::deserialize_from(task.met.as_slice()).map_err(|_| Error::Corrupt("sync task"))?
        };
        Ok(Self { task, lease, counter: None, met })
    }

    /// How many different fans this walk has met (FULL only).
    pub fn met(&self) -> u64 {
        self.met.len()
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is in the table.
    Committed,
    /// The task is not this worker's any more; nothing was written.
    LeaseLost,
}

/// Writes pages.
#[derive(Debug, Clone)]
pub struct PageWriter {
    /// The SDK client for the transactions.
    pub client: Client,
    /// Time.
    pub clock: Clock,
    /// The tasks.
    pub tasks: SyncTaskStore,
    /// The leads.
    pub leads: LeadStore,
    /// Their index.
    pub index: LeadIndexStore,
}

/// A transaction, and what is true once it is committed.
struct Plan {
    actions: Vec<TransactWriteItem>,
    counters: Counters,
    counter: Counter,
    met: RoaringBitmap,
    cursor: i64,
    walked: bool,
    total: Option<u64>,
    lease_end: Option<Timestamp>,
}

impl PageWriter {
    /// Commits `page`; `lease_end` renews the lease when it is given.
    pub async fn commit(&self, progress: &mut Progress, page: &FanPage, lease_end: Option<Timestamp>) -> Result<Step> {
        let fans = distinct(page);
        for _ in 0..REPLANS {
            // The counter is read before the leads: if it is still the same at commit, so are they.
            let counter = self.counter(progress).await?;
            let ids = fans.iter().map(|fan| fan.open_id.as_str());
            let known = self.leads.by_open_ids(progress.task.user_id, ids).await?;
            // A lead beyond the counter was made by another sync since the counter was read. Its id would be handed out
            // once more, and a transaction that writes one slot of a segment twice is not refused but invalid.
            if known.iter().any(|lead| lead.lead_id > counter.lead_count) {
                progress.counter = None;
                continue;
            }
            let plan = self.plan(progress, &counter, page, &fans, known, lease_end)?;
            match self.execute(progress, plan).await? {
                Some(step) => return Ok(step),
                None => progress.counter = None,
            }
        }
        Err(Error::Busy("lead counter"))
    }

    /// Marks, at most `limit` at a time, the leads of the task's account that this walk did not meet. Afterwards none
    /// is left exactly when fewer than `limit` were marked.
    pub async fn mark_unfollowed(
        &self,
        progress: &mut Progress,
        limit: usize,
        lease_end: Option<Timestamp>,
    ) -> Result<(Step, usize)> {
        for _ in 0..REPLANS {
            let counter = self.counter(progress).await?;
            let missing = self.missing(progress, &counter, limit).await?;
            let marked = missing.len();
            if marked == 0 {
                return Ok((Step::Committed, 0));
            }
            let plan = self.plan_unfollowed(progress, &counter, &missing, lease_end)?;
            match self.execute(progress, plan).await? {
                Some(step) => return Ok((step, marked)),
                None => progress.counter = None,
            }
        }
        Err(Error::Busy("lead counter"))
    }

    async fn counter(&self, progress: &mut Progress) -> Result<Counter> {
        match &progress.counter {
            Some(counter) => Ok(counter.clone()),
            None => {
                let counter = self.index.counter(progress.task.user_id).await?;
                Ok(progress.counter.insert(counter).clone())
            }
        }
    }

    fn plan(
        &self,
        progress: &Progress,
        read: &Counter,
        page: &FanPage,
        fans: &[&Fan],
        known: Vec<Lead>,
        lease_end: Option<Timestamp>,
    ) -> Result<Plan> {
        let task = &progress.task;
        let now = self.clock.now().as_second();
        let known: HashMap<&str, &Lead> = known.iter().map(|lead| (lead.douyin_user_id.as_str(), lead)).collect();
        let mut counter = read.clone();
        let mut met = progress.met.clone();
        let (mut leads, mut names, mut open_ids) = (Vec::new(), Vec::new(), Vec::new());
        let (mut created, mut updated) = (0, 0);
        let acquire_time = now.max(read.last_acquire_time);
        for fan in fans {
            let nickname = bounded(&fan.nickname);
            if let Some(lead) = known.get(fan.open_id.as_str()) {
                met.insert(short(lead.lead_id)?);
                let Some(change) = Change::of(lead, &nickname, fan, task) else { continue };
                updated += 1;
                leads.push(self.leads.refresh(lead, &change.refresh(lead, &task.douyin_user_id), now)?);
                let entry = change.entry(lead, &task.douyin_user_id, &mut counter);
                names.push((lead.lead_id, entry.encode()));
                continue;
            }
            created += 1;
            counter.lead_count += 1;
            counter.last_acquire_time = acquire_time;
            let lead_id = counter.lead_count;
            met.insert(short(lead_id)?);
            leads.push(self.leads.insert(&NewLead {
                user_id: task.user_id,
                douyin_user_id: &fan.open_id,
                union_id: fan.union_id.as_deref(),
                lead_id,
                nickname: &nickname,
                avatar_url: &fan.avatar_url,
                source: &task.douyin_user_id,
                acquire_time,
            })?);
            let accounts = vec![(counter.ordinal(&task.douyin_user_id), true)];
            names.push((lead_id, NameEntry { accounts, nickname: fold(&nickname) }.encode()));
            open_ids.push((lead_id, fan.open_id.clone()));
        }
        let mut actions = leads;
        if created > 0 {
            actions.push(self.index.mark(task.user_id, acquire_time, read.lead_count + 1, counter.lead_count)?);
        }
        actions.extend(self.index.names(task.user_id, &names)?);
        actions.extend(self.index.open_ids(task.user_id, &open_ids)?);
        let seen = page.fans.len() as u64;
        let counters = Counters {
            pages: task.counters.pages + 1,
            seen: task.counters.seen + seen,
            created: task.counters.created + created,
            updated: task.counters.updated + updated,
            unchanged: task.counters.unchanged + seen - created - updated,
            unfollowed: task.counters.unfollowed,
        };
        // The highest count of the walk: who leaves in mid-walk moves the list up, and somebody else is missed.
        let (cursor, walked, total) = (page.cursor, !page.has_more, page.total.max(task.total));
        Ok(Plan { actions, counters, counter, met, cursor, walked, total, lease_end })
    }

    fn plan_unfollowed(
        &self,
        progress: &Progress,
        counter: &Counter,
        missing: &[Lead],
        lease_end: Option<Timestamp>,
    ) -> Result<Plan> {
        let task = &progress.task;
        let account = task.douyin_user_id.as_str();
        let now = self.clock.now().as_second();
        let mut counter = counter.clone();
        let (mut actions, mut names) = (Vec::new(), Vec::new());
        for lead in missing {
            let change =
                Change { nickname: lead.nickname.clone(), avatar_url: lead.avatar_url.clone(), follows: false };
            actions.push(self.leads.refresh(lead, &change.refresh(lead, account), now)?);
            names.push((lead.lead_id, change.entry(lead, account, &mut counter).encode()));
        }
        actions.extend(self.index.names(task.user_id, &names)?);
        let mut counters = task.counters;
        counters.unfollowed += missing.len() as u64;
        let (cursor, walked, total, met) = (task.cursor, task.walked, task.total, progress.met.clone());
        Ok(Plan { actions, counters, counter, met, cursor, walked, total, lease_end })
    }

    /// The first `limit` leads that follow the task's account but were not met on this walk.
    async fn missing(&self, progress: &Progress, counter: &Counter, limit: usize) -> Result<Vec<Lead>> {
        let task = &progress.task;
        let Some(ordinal) = counter.known(&task.douyin_user_id) else { return Ok(Vec::new()) };
        let everyone = super::lead_index::Bounds { first: 1, last: counter.lead_count };
        let mut missing = Vec::new();
        self.index
            .sightings(task.user_id, everyone, |sighting| {
                let follows = sighting.entry.accounts.contains(&(ordinal, true));
                let met = u32::try_from(sighting.lead_id).is_ok_and(|id| progress.met.contains(id));
                if follows && !met && missing.len() < limit {
                    missing.push(sighting.lead_id);
                }
            })
            .await?;
        let open_ids = self.index.open_ids_of(task.user_id, &missing).await?;
        self.leads.by_open_ids(task.user_id, open_ids.values().map(String::as_str)).await
    }

    /// Writes a plan. `None`: something it was made from has changed, so it must be made anew.
    async fn execute(&self, progress: &mut Progress, plan: Plan) -> Result<Option<Step>> {
        let task = &progress.task;
        // First, so that a refusal of this action is told from the others.
        let mut actions = vec![self.advance_task(progress, &plan)?];
        let leads_change = !plan.actions.is_empty();
        let mut counter = plan.counter;
        if leads_change {
            let read = progress.counter.clone().unwrap_or_default();
            actions.push(self.index.advance(task.user_id, &read, &counter)?);
            counter.version = read.version + 1;
        }
        actions.extend(plan.actions);
        match dynamo::transact(&self.client, &self.clock, actions).await? {
            Outcome::Committed => {}
            Outcome::Refused(refusals) if refusals.first().is_some_and(Refusal::refused) => {
                return Ok(Some(Step::LeaseLost));
            }
            Outcome::Refused(_) => return Ok(None),
        }
        progress.counter = Some(counter);
        progress.met = plan.met;
        progress.task.cursor = plan.cursor;
        progress.task.walked = plan.walked;
        progress.task.total = plan.total;
        progress.task.counters = plan.counters;
        progress.task.attempts = 0;
        if let Some(end) = plan.lease_end {
            progress.lease.renewed(end);
        }
        Ok(Some(Step::Committed))
    }

    fn advance_task(&self, progress: &Progress, plan: &Plan) -> Result<TransactWriteItem> {
        let mut set = "SET #cursor = :cursor, walked = :walked, pages = :pages, seen = :seen, created = :created, \
                       updated = :updated, unchanged = :unchanged, unfollowed = :unfollowed, attempts = :zero, \
                       update_time = :now"
            .to_owned();
        let mut builder = self.tasks.held(progress.task.task_id, &progress.lease);
        if let Some(total) = plan.total {
            set.push_str(", #total = :total");
            builder =
                builder.expression_attribute_names("#total", "total").expression_attribute_values(":total", n(total));
        }
        if let Some(end) = plan.lease_end {
            set.push_str(", next_action_at = :next");
            builder = builder.expression_attribute_values(":next", n(end.as_millisecond()));
        }
        if progress.task.strategy == SyncStrategy::Full {
            set.push_str(", met = :met");
            builder = builder.expression_attribute_values(":met", blob(&plan.met)?);
        }
        update(
            builder
                .update_expression(set)
                .expression_attribute_names("#cursor", "cursor")
                .expression_attribute_values(":cursor", n(plan.cursor))
                .expression_attribute_values(":walked", aws_sdk_dynamodb::types::AttributeValue::Bool(plan.walked))
                .expression_attribute_values(":pages", n(plan.counters.pages))
                .expression_attribute_values(":seen", n(plan.counters.seen))
                .expression_attribute_values(":created", n(plan.counters.created))
                .expression_attribute_values(":updated", n(plan.counters.updated))
                .expression_attribute_values(":unchanged", n(plan.counters.unchanged))
                .expression_attribute_values(":unfollowed", n(plan.counters.unfollowed))
                .expression_attribute_values(":zero", n(0))
                .expression_attribute_values(":now", n(self.clock.now().as_second())),
        )
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
    fn of(lead: &Lead, nickname: &str, fan: &Fan, task: &SyncTask) -> Option<Self> {
        let full = task.strategy == SyncStrategy::Full;
        let account = &task.douyin_user_id;
        let take = |new: &str, old: &str| if full && !new.is_empty() { new.to_owned() } else { old.to_owned() };
        let change = Self {
            nickname: take(nickname, &lead.nickname),
            avatar_url: take(&fan.avatar_url, &lead.avatar_url),
            follows: true,
        };
        let follows_anew = !lead.sources.contains(account) || (full && lead.unfollowed.contains(account));
        let differs = change.nickname != lead.nickname || change.avatar_url != lead.avatar_url;
        (follows_anew || differs).then_some(change)
    }

    fn refresh<'a>(&'a self, lead: &Lead, account: &'a str) -> Refresh<'a> {
        let elsewhere = lead.sources.iter().any(|source| source != account && !lead.unfollowed.contains(source));
        Refresh {
            nickname: &self.nickname,
            avatar_url: &self.avatar_url,
            source: account,
            follows_source: self.follows,
            follows_any: self.follows || elsewhere,
        }
    }

    fn entry(&self, lead: &Lead, account: &str, counter: &mut Counter) -> NameEntry {
        let mut accounts: Vec<(usize, bool)> = lead
            .sources
            .iter()
            .filter(|source| *source != account)
            .map(|source| (counter.ordinal(source), !lead.unfollowed.contains(source)))
            .collect();
        accounts.push((counter.ordinal(account), self.follows));
        accounts.sort_unstable();
        NameEntry { accounts, nickname: fold(&self.nickname) }
    }
}

/// The fans of a page once each: Douyin's pages can repeat a fan.
fn distinct(page: &FanPage) -> Vec<&Fan> {
    let mut met = HashSet::new();
    page.fans.iter().filter(|fan| met.insert(fan.open_id.as_str())).collect()
}

fn bounded(nickname: &str) -> String {
    nickname.chars().take(NICKNAME_CHARACTERS).collect()
}

/// Lead ids as the bitmap holds them: four thousand million leads of one tenant are beyond everything else here.
fn short(lead_id: u64) -> Result<u32> {
    u32::try_from(lead_id).map_err(|_| Error::Corrupt("lead id"))
}

fn blob(met: &RoaringBitmap) -> Result<aws_sdk_dynamodb::types::AttributeValue> {
    let mut met = met.clone();
    met.optimize();
    let mut bytes = ByteBuf::with_capacity(met.serialized_size());
    met.serialize_into(&mut *bytes).map_err(|_| Error::Corrupt("sync task"))?;
    Ok(aws_sdk_dynamodb::types::AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(bytes.into_vec())))
}
