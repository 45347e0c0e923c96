//! What AWS does to requests on items of DynamoDB and an emulator does not: it refuses some, answers others late or in
//! part, and loses answers. One rule for each file, with its source in the AWS documentation.
//!
//! All rules but the last are on unless [`AccountRules::switch_off`] is told otherwise. What they decide comes from one seed, which is
//! printed when the emulated AWS starts and can be given by `AWS_FAULT_SEED`.

mod conflicts;
mod counts;
mod draw;
mod partial;
mod refusal;
mod replica;
mod request;
#[cfg(test)]
mod tests;
mod throttle;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::body::Bytes;
use dynoxide::Database;
use serde_json::Value;

pub use draw::SEED_VARIABLE;

use super::dynamodb::{self, Answer, Databases};
use conflicts::Items;
use counts::{Counts, Event};
use draw::Random;
use partial::Cut;
use replica::Replica;
use request::{Kind, Request, Schemas};
use throttle::Partitions;

/// One of so many answers to writes is lost.
///
/// Source: AWS SDKs and Tools Reference Guide, "Retry behavior": a request is sent again when its connection ends or
/// times out, although it may have been carried out; DynamoDB API reference of TransactWriteItems, `ClientRequestToken`:
/// "if a connection time-out or other connectivity issue occurs", so only transactions are protected.
/// Twenty times as often as one would see it, because a whole run of the tests makes no more than 13,000 transactions.
const LOST: u64 = 50;

/// Names rules that are off, separated by commas, in the environment.
pub const OFF_VARIABLE: &str = "AWS_FAULT_OFF";

/// A rule that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Overlapping requests on one item refuse each other, and requests take time.
    Conflicts,
    /// Reads that are not consistent may see the state of up to two seconds ago.
    StaleReads,
    /// Hot partitions are throttled, and now and then others.
    Throttling,
    /// Batches are done in part, and pages end early.
    PartialAnswers,
    /// Answers to transactions get lost.
    LostAnswers,
    /// Answers to writes of a single item get lost too. Off unless switched on: the SDK sends such a write again, its
    /// condition then fails because of the write itself, and not all code knows its own write.
    LostAnswersOfSingleWrites,
}

impl Rule {
    pub const ALL: [Self; 6] = [
        Self::Conflicts,
        Self::StaleReads,
        Self::Throttling,
        Self::PartialAnswers,
        Self::LostAnswers,
        Self::LostAnswersOfSingleWrites,
    ];
    /// Those after which a request is sent again, or another one follows.
    pub const OF_REPEATED_REQUESTS: [Self; 4] =
        [Self::Throttling, Self::PartialAnswers, Self::LostAnswers, Self::LostAnswersOfSingleWrites];

    /// Its name in [`OFF_VARIABLE`].
    const fn name(self) -> &'static str {
        match self {
            Self::Conflicts => "conflicts",
            Self::StaleReads => "stale-reads",
            Self::Throttling => "throttling",
            Self::PartialAnswers => "partial-answers",
            Self::LostAnswers => "lost-answers",
            Self::LostAnswersOfSingleWrites => "lost-answers-of-single-writes",
        }
    }

    /// Those that are off at first: the last one, and whatever the environment names, to find out which rule a test
    /// fails under.
    fn off_at_first() -> u8 {
        let named = std::env::var(OFF_VARIABLE).unwrap_or_default();
        let named = Self::ALL.into_iter().filter(|rule| named.split(',').any(|name| name == rule.name()));
        named.fold(Self::LostAnswersOfSingleWrites.bit(), |off, rule| off | rule.bit())
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The rules of all accounts.
#[derive(Debug)]
pub(super) struct Rules {
    seed: u64,
    databases: Databases,
    accounts: Mutex<HashMap<String, Arc<AccountRules>>>,
    counts: Arc<Counts>,
}

impl Rules {
    pub(super) fn new(databases: Databases) -> Self {
        Self { seed: draw::seed(), databases, accounts: Mutex::default(), counts: Arc::default() }
    }

    /// The seed of this process.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The rules of an account, whose dice are those of this name when it is new.
    pub(super) fn of(&self, account: &str, name: &str) -> Result<Arc<AccountRules>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = accounts.get(account) {
            return Ok(Arc::clone(rules));
        }
        let database = self.databases.of(account)?;
        let rules = Arc::new(AccountRules {
            off: AtomicU8::new(Rule::off_at_first()),
            dice: Random::new(self.seed, name),
            schemas: Schemas::default(),
            items: Arc::default(),
            held: Mutex::default(),
            lost: Mutex::default(),
            replica: Replica::of(&database)?,
            partitions: Partitions::default(),
            database,
            under_way: Arc::default(),
            counts: Counts::default(),
            all_counts: Arc::clone(&self.counts),
        });
        accounts.insert(account.to_owned(), Arc::clone(&rules));
        Ok(rules)
    }

    /// What they did in all accounts.
    pub(super) fn report(&self) -> String {
        self.counts.to_string()
    }

    /// Closes the databases, which completes their files.
    pub(super) fn close(&self) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.databases.close();
    }
}

/// The rules of one account, before its database.
pub struct AccountRules {
    off: AtomicU8,
    dice: Random,
    schemas: Schemas,
    items: Arc<Items>,
    /// Functions whose writes and transactions each meet another one.
    held: Mutex<BTreeSet<String>>,
    /// Transactions, by their tokens, whose answer was lost. It is so once: the SDK makes three attempts, and among as many transactions
    /// as a run of the tests makes three lost answers in a row would be met now and then, unlike at AWS.
    lost: Mutex<BTreeSet<String>>,
    replica: Replica,
    partitions: Partitions,
    database: Database,
    /// Cloned by every request that may be in another's way.
    under_way: Arc<()>,
    counts: Counts,
    all_counts: Arc<Counts>,
}

impl std::fmt::Debug for AccountRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRules").field("off", &self.off).finish_non_exhaustive()
    }
}

/// What comes of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    Answered(Answer),
    /// Carried out, and nobody is told.
    Lost,
    /// dynoxide does not know the operation.
    Unknown,
}

impl AccountRules {
    /// Switches rules off for good. Whoever does it says why in a comment.
    pub fn switch_off(&self, rules: &[Rule]) {
        for rule in rules {
            self.off.fetch_or(rule.bit(), Ordering::Relaxed);
        }
    }

    /// Switches a rule on that is off at first.
    pub fn switch_on(&self, rule: Rule) {
        self.off.fetch_and(!rule.bit(), Ordering::Relaxed);
    }

    /// Has every copy arrive, as if two seconds had passed.
    pub fn settle(&self) {
        self.replica.settle(&self.database);
    }

    /// From now on each write of a function, and each transaction that reads, meets a transaction of somebody else, as at items
    /// that everybody wants: what comes of that after all attempts can then be seen. This is no rule that is on by itself.
    pub(super) fn hold(&self, function: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(function.to_owned());
    }

    /// Ends that.
    pub(super) fn release(&self, function: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(function);
    }

    /// Has pauses on a simulated clock count as time in which a throttled partition recovers.
    ///
    /// `simulated` answers how far that clock has moved since it was made.
    pub fn follow(&self, simulated: impl Fn() -> Duration + Send + Sync + 'static) {
        self.partitions.follow(simulated);
    }

    /// What they did in this account.
    #[must_use]
    pub fn report(&self) -> String {
        self.counts.to_string()
    }

    fn is_on(&self, rule: Rule) -> bool {
        self.off.load(Ordering::Relaxed) & rule.bit() == 0
    }

    fn count(&self, event: Event) {
        self.counts.add(event);
        self.all_counts.add(event);
    }

    /// Carries a request out, of this function if of any, or does to it what a rule says.
    pub(super) async fn serve(self: Arc<Self>, operation: String, body: Bytes, function: Option<String>) -> Outcome {
        let Some(mut request) = Request::read(&operation, &body, &self.database, &self.schemas) else {
            return self.serve_other(operation, body).await;
        };
        self.count(match request.kind {
            Kind::TransactWrite => Event::Transaction,
            Kind::Write | Kind::BatchWrite => Event::Write,
            _ => Event::Read,
        });
        let is_held = |function: &String| self.held.lock().unwrap_or_else(PoisonError::into_inner).contains(function);
        if let (true, Some(refusal)) = (function.as_ref().is_some_and(is_held), conflicts::refusal_everywhere(&request))
        {
            self.count(Event::Conflict);
            return Outcome::Answered(refusal);
        }
        if self.is_on(Rule::Throttling)
            && let Some(refusal) = self.throttle(&request)
        {
            return Outcome::Answered(refusal);
        }
        let cut = if self.is_on(Rule::PartialAnswers) { partial::cut(&mut request, &self.dice) } else { Cut::Nothing };
        let hold = if self.is_on(Rule::Conflicts) && Items::concern(&request) {
            let under_way = Arc::clone(&self.under_way);
            match self.items.hold(&request) {
                Err(refusal) => {
                    self.count(Event::Conflict);
                    self.items.wait(&request).await;
                    return Outcome::Answered(refusal);
                }
                Ok(hold) => {
                    // Two for the account and this request.
                    if Arc::strong_count(&under_way) > 2 || self.dice.once_in(conflicts::ALONE) {
                        tokio::time::sleep(self.dice.latency()).await;
                    }
                    Some((hold, under_way))
                }
            }
        } else {
            None
        };
        let losing = match request.kind {
            Kind::TransactWrite => self.is_on(Rule::LostAnswers),
            _ => request.writes() && self.is_on(Rule::LostAnswersOfSingleWrites),
        };
        let token = request.body.get("ClientRequestToken").and_then(Value::as_str).map(str::to_owned);
        let loses = losing && self.dice.once_in(LOST);
        let service = Arc::clone(&self);
        let carried_out = tokio::task::spawn_blocking(move || {
            let _held_until_it_is_done = hold;
            let body = if matches!(cut, Cut::Nothing) { body } else { Bytes::from(request.body.to_string()) };
            let answer = service.carry_out(&request, &body)?;
            Some(service.complete(answer, cut))
        });
        match carried_out.await {
            Ok(Some(answer)) if loses && answer.status == 200 && self.is_first_loss(token) => {
                self.count(Event::LostAnswer);
                Outcome::Lost
            }
            Ok(Some(answer)) => Outcome::Answered(answer),
            _ => Outcome::Unknown,
        }
    }

    /// Whether the answer to this transaction was not lost before; that of anything else was not.
    fn is_first_loss(&self, token: Option<String>) -> bool {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        token.is_none_or(|token| lost.insert(token))
    }

    async fn serve_other(self: Arc<Self>, operation: String, body: Bytes) -> Outcome {
        let carried_out = tokio::task::spawn_blocking(move || {
            self.schemas.forget();
            self.replica.follow(&operation, &body);
            dynamodb::run(&self.database, &operation, &body)
        });
        carried_out.await.ok().flatten().map_or(Outcome::Unknown, Outcome::Answered)
    }

    fn throttle(&self, request: &Request) -> Option<Answer> {
        if let Err(refusal) = self.partitions.charge(request) {
            self.count(Event::HotPartition);
            return Some(refusal);
        }
        let partition = &request.items.first()?.partition;
        self.dice.once_in(throttle::COLD).then(|| {
            self.count(Event::ColdThrottle);
            throttle::refuse(request, partition)
        })
    }

    fn carry_out(&self, request: &Request, body: &[u8]) -> Option<Answer> {
        if self.is_on(Rule::StaleReads) {
            if request.is_eventually_consistent()
                && let Some((answer, differs)) = self.replica.read(&self.database, request, body, &self.dice)
            {
                self.count(Event::LaggingRead);
                if differs {
                    self.count(Event::StaleRead);
                }
                return Some(answer);
            }
            let answer = dynamodb::run(&self.database, &request.operation, body)?;
            if request.writes() && answer.status == 200 {
                self.replica.note(&self.database, &request.items);
            }
            return Some(answer);
        }
        dynamodb::run(&self.database, &request.operation, body)
    }

    /// Names in an answer what was left out of the request.
    fn complete(&self, mut answer: Answer, cut: Cut) -> Answer {
        match cut {
            Cut::Nothing => {}
            Cut::Page => self.count(Event::ShortPage),
            Cut::Batch(rest) => {
                self.count(Event::Unprocessed);
                if let Some(mut body) =
                    serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| answer.status == 200)
                {
                    rest.add_to(&mut body);
                    answer.body = body.to_string().into_bytes();
                }
            }
        }
        answer
    }
}
