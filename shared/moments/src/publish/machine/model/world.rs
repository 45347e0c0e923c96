//! What the model knows: rows, posts, claims, workers, messages, and what may still go wrong.

use std::time::Duration;

use jiff::Timestamp;

use super::super::{Call, DeliveryAccount, DeliveryStage, DeliveryState, Event, Guards, Policy, Reported};
use super::accounts::{Accounts, MOST};
use crate::store::claim::ClaimOrigin;
use crate::store::delivery::Repair;
use crate::store::result::Stage;

/// How long a worker holds a delivery, in milliseconds. It never outlives that: Lambda ends it before.
pub(super) const LEASE: i64 = 3_000;
/// How long a delivery that is due may be left alone: the sweeper comes every minute, and members have two days.
pub(super) const LATENESS: i64 = 2_500;
/// How late a list may be: longer than it is read after a lost answer.
pub(super) const LIST_LAG: i64 = 10_000;
/// When a list shows what a job that fails was to make.
pub(super) const NEVER: i64 = i64::MAX;

/// A span as the model counts it.
pub(super) const fn milliseconds(span: Duration) -> i64 {
    span.as_secs().cast_signed() * 1_000 + span.subsec_millis().cast_signed() as i64
}

/// An instant of the model, which counts milliseconds, as the machine has it.
pub(super) fn instant(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("the model lives for some weeks")
}

/// What a run explores: who publishes what, and how often each thing may go wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub name: &'static str,
    /// Whether members of a company confirm, or one person's device posts.
    pub members_confirm: bool,
    /// What the provider's list shows.
    pub list: List,
    /// Tasks with equal text for the same accounts.
    pub tasks: usize,
    pub accounts: usize,
    pub budget: Budget,
}

/// What a provider's list shows of the posts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Shows,
    /// All of them, and those of the last [`LIST_LAG`] perhaps not yet.
    Late,
    /// Nothing, ever, and whoever has a post tried again takes no risk.
    Blind,
    /// Nothing, ever, and they take the risk of a second one.
    Risked,
}

/// How often each thing may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// A worker dies between two of its steps.
    pub crashes: u8,
    /// A message is lost, or comes twice.
    pub messages: u8,
    /// The answer to the call that publishes is lost, before it was carried out or after.
    pub lost_answers: u8,
    /// Something does not work this time, and will later.
    pub transient_faults: u8,
    /// The provider's list cannot be read.
    pub unreadable: u8,
    /// There is no token.
    pub no_token: u8,
    /// A transaction meets others until its worker gives up.
    pub contention: u8,
    /// An account cannot be used any more, or can be used again.
    pub toggles: u8,
    /// A user has a task that has ended tried again.
    pub retries: u8,
    /// A user calls a task off.
    pub cancels: u8,
    /// A user stops a task, whatever of it is under way.
    pub stops: u8,
    /// A user makes another task.
    pub creations: u8,
    /// Nobody works for hours.
    pub outages: u8,
    /// The clock is set back.
    pub setbacks: u8,
    /// Something never works for a delivery.
    pub final_faults: u8,
}

/// What is recorded of an account of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Recorded {
    Open(Stage),
    Success(usize),
    Unconfirmed,
    Failed,
    Cancelled,
}

/// An account's row of a task, and the delivery it is recorded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ResultRow {
    pub recorded: Recorded,
    pub by: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub task: usize,
    pub accounts: Accounts,
    pub stage: DeliveryStage,
    pub attempts: u32,
    pub due: Option<i64>,
    pub owner: Option<usize>,
    pub sending_at: i64,
    /// How many posts there were when its call was begun.
    pub posts_before: usize,
    pub sought_since: i64,
    pub confirm_until: i64,
    pub resend: bool,
    pub risk: bool,
    pub stop_requested: bool,
    pub asked: Accounts,
    pub job: Option<usize>,
    pub post: Option<usize>,
    pub token_renewed: bool,
    /// A living worker had the provider's answer in hand. Not stored anywhere: the model remembers it.
    pub answered: bool,
}

/// A post at the provider, of one of the equal texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Post {
    pub asked: Accounts,
    pub published: Accounts,
    pub stopped: bool,
    pub claim: Option<(usize, ClaimOrigin)>,
    /// From when on the list shows it.
    pub shown_at: i64,
}

/// A worker with a delivery, as it has read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub delivery: usize,
    pub row: Row,
    pub results: [ResultRow; MOST],
    pub senders: Accounts,
    /// Whose publish slot it was when this was prepared.
    pub slot_seen: Option<usize>,
    pub pending: Pending,
}

/// What it does next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Pending {
    Event(Event),
    Call(Call),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub now: i64,
    pub rows: Vec<Row>,
    /// Per task, per account.
    pub results: Vec<[ResultRow; MOST]>,
    pub tasks: usize,
    pub accounts: usize,
    pub posts: Vec<Post>,
    pub workers: [Option<Work>; 2],
    pub messages: Vec<u8>,
    pub usable: Accounts,
    /// The delivery that has the publish slot; a person's account publishes one after the other.
    pub slot_holder: Option<usize>,
    pub budget: Budget,
    /// An answer that a living worker had in hand was recorded as unconfirmed.
    pub lost_answer: bool,
    /// Something was sent of a delivery that its user had stopped before.
    pub sent_after_stop: bool,
    /// How many second posts of each account its user has taken the risk of.
    pub risked: [u8; MOST],
}

/// Small numbers, so that every pause and deadline is met within a few steps; the members' deadline is far longer than
/// anything that can keep a delivery from being taken up, as it is in truth.
pub(super) fn policy(guards: Guards) -> Policy {
    let second = Duration::from_secs;
    Policy {
        max_lateness: second(3_600),
        max_wait: second(24 * 3_600),
        max_attempts: 3,
        time_to_send: second(30),
        retry_pause: second(1),
        job_pause: second(1),
        member_pause: second(600),
        reconcile_pause: second(1),
        reconcile_tries: 2,
        proven_after: Duration::from_millis((LIST_LAG + LEASE).unsigned_abs()),
        unreadable_person: second(2),
        unreadable_company: second(2),
        confirm_within: second(1_000),
        guards,
    }
}

impl World {
    /// All tasks are dispatched, and nothing has happened yet.
    pub fn new(setting: &Setting) -> Self {
        let mut world = Self {
            now: 1_000,
            rows: Vec::new(),
            results: Vec::new(),
            tasks: 0,
            accounts: setting.accounts,
            posts: Vec::new(),
            workers: [None, None],
            messages: Vec::new(),
            usable: Accounts::all(setting.accounts),
            slot_holder: None,
            budget: setting.budget,
            lost_answer: false,
            sent_after_stop: false,
            risked: [0; MOST],
        };
        for _ in 0..setting.tasks {
            world.create();
        }
        world
    }

    /// A new task, dispatched.
    pub fn create(&mut self) {
        self.results.push([ResultRow { recorded: Recorded::Cancelled, by: 0 }; MOST]);
        self.add_delivery(self.tasks, Accounts::all(self.accounts));
        self.tasks += 1;
    }

    /// A worker dies, and takes with it what it has not written.
    pub fn kill(&mut self, worker: usize) {
        if let Some(work) = self.workers[worker].take() {
            let row = &mut self.rows[work.delivery];
            row.answered &=
                matches!(row.stage, DeliveryStage::Answered | DeliveryStage::Submitted | DeliveryStage::Waiting);
        }
    }

    /// A new delivery of these accounts, with its message.
    pub fn add_delivery(&mut self, task: usize, accounts: Accounts) {
        let by = self.rows.len();
        for account in accounts.iter() {
            self.results[task][account] = ResultRow { recorded: Recorded::Open(Stage::Queued), by };
        }
        self.messages.push(1);
        self.rows.push(Row {
            task,
            accounts,
            stage: DeliveryStage::Queued,
            attempts: 0,
            due: Some(self.now),
            owner: None,
            sending_at: 0,
            posts_before: 0,
            sought_since: 0,
            confirm_until: 0,
            resend: false,
            risk: false,
            stop_requested: false,
            asked: Accounts::default(),
            job: None,
            post: None,
            token_renewed: false,
            answered: false,
        });
    }

    /// What a worker's machine sees.
    pub fn seen(&self, work: &Work, members_confirm: bool) -> DeliveryState {
        let Work { delivery, row, results, .. } = work;
        let accounts = row.accounts.iter().map(|account| {
            let result = results[account];
            let (standing, shown) = match result.recorded {
                _ if result.by != *delivery => (Reported::Ended, Stage::Queued),
                Recorded::Open(stage) => (Reported::Open, stage),
                Recorded::Unconfirmed => (Reported::Unconfirmed, Stage::Unconfirmed),
                Recorded::Failed => (Reported::Failed, Stage::Rejected),
                Recorded::Success(_) => (Reported::Ended, Stage::Published),
                Recorded::Cancelled => (Reported::Ended, Stage::Cancelled),
            };
            let asked = !members_confirm || row.asked.has(account);
            DeliveryAccount { standing, shown, asked, refused: false }
        });
        DeliveryState {
            stage: row.stage,
            attempts: row.attempts,
            now: instant(self.now),
            asked_at: instant(self.now),
            time_left: Duration::from_secs(120),
            wanted_at: None,
            planned_at: None,
            has_media: false,
            members_confirm,
            sending_at: instant(row.sending_at),
            confirm_until: instant(row.confirm_until),
            resend_if_absent: row.resend,
            resend_if_blind: row.risk,
            sought_since: instant(row.sought_since),
            stop_requested: row.stop_requested,
            moment_id: row.post.map(|post| post.to_string()),
            repaired: row.token_renewed.then_some(Repair::Token).into_iter().collect(),
            accounts: accounts.collect(),
        }
    }

    /// What must never be; `None` when all is well.
    pub fn violation(&self) -> Option<String> {
        if self.lost_answer {
            return Some(
                "a delivery is recorded as unconfirmed although a living worker had its answer in hand".to_owned(),
            );
        }
        if self.sent_after_stop {
            return Some("what its user has stopped is sent".to_owned());
        }
        for account in 0..self.accounts {
            let published = self.posts.iter().filter(|post| post.published.has(account)).count();
            let recorded: Vec<Recorded> =
                self.results.iter().take(self.tasks).map(|task| task[account].recorded).collect();
            let mut successes: Vec<usize> = recorded
                .iter()
                .filter_map(|recorded| if let Recorded::Success(post) = recorded { Some(*post) } else { None })
                .collect();
            let count = successes.len();
            successes.sort_unstable();
            successes.dedup();
            if successes.iter().any(|post| !self.posts[*post].published.has(account)) || successes.len() < count {
                return Some(format!("account {account} is recorded SUCCESS without a post of its own: {recorded:?}"));
            }
            let perhaps =
                recorded.iter().filter(|recorded| !matches!(recorded, Recorded::Failed | Recorded::Cancelled)).count()
                    + usize::from(self.risked[account]);
            if published > perhaps {
                return Some(format!(
                    "account {account} has {published} posts, and no more than {perhaps} may be out by what is recorded: {recorded:?}"
                ));
            }
        }
        None
    }

    /// Whether everything has ended: nothing is due, and nobody works.
    pub fn is_over(&self) -> bool {
        self.rows.iter().all(|row| row.due.is_none()) && self.workers.iter().all(Option::is_none)
    }
}
